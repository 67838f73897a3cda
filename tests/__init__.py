"""The tests; what holds for every process of theirs before it imports anything else."""

import os

# Many processes are at work anyway. A thread for each core in every one of them, which looks for work without
# a pause, would take from the others several times what it does. Numpy and OpenCV count them at their import.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
