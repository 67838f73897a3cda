"""Tasks that send mail, ``post.py``, and tests that crash at every call to the store, ``test_post.py``.

    python -m pytest examples/crash_points
    PLANTED=key,mail python -m pytest examples/crash_points

The second command plants two bugs: an ending that forgets the unique key, in the queue's own Lua, and a task
that sends a mail with every run. The test that crashes nowhere sees neither.
"""
