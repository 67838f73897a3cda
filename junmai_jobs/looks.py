"""What photographs look like, by the content of their files: a thumbnail and a profile of each."""

from __future__ import annotations

from junmai_jobs.schema import CatalogFile

_RECORD = """
    INSERT INTO looks (sha256, thumbnail, profile) VALUES (?, ?, ?)
    ON CONFLICT (sha256) DO UPDATE SET thumbnail = excluded.thumbnail, profile = excluded.profile
"""
_THUMBNAIL = "SELECT thumbnail FROM photos JOIN looks USING (sha256) WHERE photos.id = ?"
_PROFILES = """
    SELECT photos.id, profile FROM session_photos
    JOIN photos ON photos.id = photo_id JOIN looks USING (sha256)
    WHERE session_id = ? AND profile IS NOT NULL
"""
_LOOKED_AT = """
    SELECT photos.id FROM session_photos
    JOIN photos ON photos.id = photo_id JOIN looks USING (sha256)
    WHERE session_id = ? AND status = 'completed'
"""

_SIZES = "SELECT DISTINCT file_size FROM photos JOIN looks USING (sha256)"


class Looks(CatalogFile):
    """The part of the catalog that keeps pictures. A photo that was never looked at has none."""

    def record_look(self, sha256: str, thumbnail: bytes, profile: bytes | None) -> None:
        """Store how the content of a file looks: see ``pictures.thumbnail`` and ``groups.profile``."""
        with self._writing() as db:
            db.execute(_RECORD, (sha256, thumbnail, profile))

    def has_look(self, sha256: str) -> bool:
        """Tell whether it is stored how the content of a file looks."""
        return bool(self._rows("SELECT 1 FROM looks WHERE sha256 = ?", (sha256,)))

    def sizes_looked_at(self) -> set[int]:
        """Return the sizes of the files, in bytes, of which it is stored how they look."""
        return {size for (size,) in self._rows(_SIZES)}

    def looked_at(self, session_id: int) -> set[int]:
        """Return the photos of a session whose results are stored, and how they look."""
        return {photo for (photo,) in self._rows(_LOOKED_AT, (session_id,))}

    def thumbnail(self, photo_id: int) -> bytes | None:
        """Return the thumbnail of a photo. Those of a whole session would be many MB."""
        rows = self._rows(_THUMBNAIL, (photo_id,))
        return rows[0][0] if rows else None

    def profiles(self, session_id: int) -> dict[int, bytes]:
        """Return the profiles of a session's photos by their ids."""
        return dict(self._rows(_PROFILES, (session_id,)))
