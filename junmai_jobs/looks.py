"""What photographs look like, by the content of their files: a thumbnail and a profile of each."""

from __future__ import annotations

from junmai_jobs.schema import CatalogFile

_RECORD = """
    INSERT INTO looks (sha256, thumbnail, profile) VALUES (?, ?, ?)
    ON CONFLICT (sha256) DO UPDATE SET thumbnail = excluded.thumbnail, profile = excluded.profile
"""
_OF_SESSION = """
    SELECT photos.id, {what} FROM session_photos
    JOIN photos ON photos.id = photo_id JOIN looks USING (sha256)
    WHERE session_id = ? AND {what} IS NOT NULL
"""


class Looks(CatalogFile):
    """The part of the catalog that keeps pictures. A photo that was never looked at has none."""

    def record_look(self, sha256: str, thumbnail: bytes, profile: bytes | None) -> None:
        """Store how the content of a file looks: see ``photo.thumbnail`` and ``photo.profile``."""
        with self._writing() as db:
            db.execute(_RECORD, (sha256, thumbnail, profile))

    def has_look(self, sha256: str) -> bool:
        """Tell whether it is stored how the content of a file looks."""
        return bool(self._rows("SELECT 1 FROM looks WHERE sha256 = ?", (sha256,)))

    def thumbnails(self, session_id: int) -> dict[int, bytes]:
        """Return the thumbnails of a session's photos, JPEGs, by the ids of the photos."""
        return dict(self._rows(_OF_SESSION.format(what="thumbnail"), (session_id,)))

    def profiles(self, session_id: int) -> dict[int, bytes]:
        """Return the profiles of a session's photos by their ids."""
        return dict(self._rows(_OF_SESSION.format(what="profile"), (session_id,)))
