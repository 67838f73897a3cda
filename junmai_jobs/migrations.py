"""The tables of the catalog, as the statements by which each version of them came to be."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            import_folder TEXT NOT NULL,
            created_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE photos (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            file_path TEXT NOT NULL UNIQUE,
            import_time TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'imported' CHECK (status IN ('imported', 'completed', 'failed')),
            camera_make TEXT,
            camera_model TEXT,
            lens TEXT,
            focal_length REAL,
            aperture REAL,
            shutter_speed TEXT,
            iso INTEGER,
            capture_time TEXT,
            gps_lat REAL,
            gps_lon REAL,
            subject_type TEXT,
            ai_score REAL CHECK (ai_score BETWEEN 1 AND 5),
            focus_score REAL,
            exposure_score REAL,
            composition_score REAL,
            error_message TEXT
        )
        """,
        """
        CREATE TABLE session_photos (
            session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            PRIMARY KEY (session_id, photo_id)
        ) WITHOUT ROWID
        """,
    ),
    (
        # The photos once more, because a CHECK cannot be altered; ids that were given away stay so.
        """
        CREATE TABLE new_photos (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            file_path TEXT NOT NULL UNIQUE,
            import_time TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'imported'
                CHECK (status IN ('imported', 'processing', 'completed', 'failed')),
            camera_make TEXT,
            camera_model TEXT,
            lens TEXT,
            focal_length REAL,
            aperture REAL,
            shutter_speed TEXT,
            iso INTEGER,
            capture_time TEXT,
            gps_lat REAL,
            gps_lon REAL,
            subject_type TEXT,
            ai_score REAL CHECK (ai_score BETWEEN 1 AND 5),
            focus_score REAL,
            exposure_score REAL,
            composition_score REAL,
            error_message TEXT,
            context_tag TEXT,
            selected_preset TEXT,
            phash TEXT,
            sha256 TEXT,
            file_size INTEGER,
            detected_faces INTEGER,
            recorded_at TEXT
        )
        """,
        """
        INSERT INTO new_photos (
            id, file_path, import_time, status, camera_make, camera_model, lens, focal_length, aperture,
            shutter_speed, iso, capture_time, gps_lat, gps_lon, subject_type, ai_score, focus_score,
            exposure_score, composition_score, error_message
        ) SELECT
            id, file_path, import_time, status, camera_make, camera_model, lens, focal_length, aperture,
            shutter_speed, iso, capture_time, gps_lat, gps_lon, subject_type, ai_score, focus_score,
            exposure_score, composition_score, error_message
        FROM photos
        """,
        "DELETE FROM sqlite_sequence WHERE name = 'new_photos'",
        "INSERT INTO sqlite_sequence SELECT 'new_photos', seq FROM sqlite_sequence WHERE name = 'photos'",
        "DROP TABLE photos",
        "ALTER TABLE new_photos RENAME TO photos",
        "ALTER TABLE sessions ADD COLUMN grouped_from TEXT",
        "ALTER TABLE sessions ADD COLUMN wish TEXT",
        "ALTER TABLE sessions ADD COLUMN turn INTEGER NOT NULL DEFAULT 0",
        """
        CREATE TABLE photo_groups (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            pick_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            reason TEXT NOT NULL
        )
        """,
        "CREATE INDEX groups_of_session ON photo_groups (session_id)",
        """
        ALTER TABLE session_photos
        ADD COLUMN group_id INTEGER REFERENCES photo_groups (id) ON DELETE SET NULL
        """,
        "ALTER TABLE session_photos ADD COLUMN is_pick INTEGER NOT NULL DEFAULT 0 CHECK (is_pick IN (0, 1))",
        "ALTER TABLE session_photos ADD COLUMN pick_reason TEXT",
        "CREATE INDEX sessions_of_photo ON session_photos (photo_id)",
        "CREATE INDEX photos_of_group ON session_photos (group_id)",
        """
        CREATE TABLE presets (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            version TEXT NOT NULL,
            context_tags TEXT NOT NULL DEFAULT '[]',
            config_template TEXT NOT NULL,
            blend_amount INTEGER NOT NULL DEFAULT 100 CHECK (blend_amount BETWEEN 0 AND 100),
            usage_count INTEGER NOT NULL DEFAULT 0
        )
        """,
        """
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY NOT NULL,
            task TEXT NOT NULL,
            photo_id INTEGER REFERENCES photos (id) ON DELETE CASCADE,
            session_id INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
            priority INTEGER NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 10),
            status TEXT NOT NULL DEFAULT 'queued' CHECK (status IN (
                'queued', 'scheduled', 'blocked', 'running', 'retrying', 'succeeded', 'failed', 'cancelled'
            )),
            attempt INTEGER NOT NULL DEFAULT 0,
            retry_count INTEGER NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL,
            started_at TEXT,
            finished_at TEXT,
            error_message TEXT,
            config TEXT
        )
        """,
        """
        CREATE INDEX unfinished_jobs ON jobs (session_id)
        WHERE status NOT IN ('succeeded', 'failed', 'cancelled')
        """,
        "CREATE INDEX jobs_by_time ON jobs (created_at)",
        "CREATE INDEX jobs_of_photo ON jobs (photo_id)",
    ),
    (
        """
        CREATE TABLE session_roots (
            session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            folder TEXT NOT NULL,
            PRIMARY KEY (session_id, folder)
        ) WITHOUT ROWID
        """,
        "INSERT INTO session_roots SELECT id, import_folder FROM sessions",
    ),
    ("CREATE TABLE looks (sha256 TEXT PRIMARY KEY NOT NULL, thumbnail BLOB, profile BLOB)",),
    (
        "ALTER TABLE photos ADD COLUMN traits TEXT",
        """
        UPDATE photos SET traits = json_object(
            'context', context_tag, 'overall_score', ai_score, 'focus_score', focus_score,
            'exposure_score', exposure_score, 'composition_score', composition_score,
            'faces_detected', detected_faces, 'iso', iso, 'focal_length', focal_length, 'aperture', aperture,
            'shutter_speed', shutter_speed
        ) WHERE status = 'completed'
        """,
        """
        CREATE TABLE verdicts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            batch INTEGER NOT NULL,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            verdict TEXT NOT NULL CHECK (verdict IN ('approved', 'rejected')),
            reason TEXT,
            given_at TEXT NOT NULL,
            withdrawn_at TEXT
        )
        """,
        "CREATE INDEX verdicts_of_photo ON verdicts (photo_id) WHERE withdrawn_at IS NULL",
    ),
    (
        "ALTER TABLE photos RENAME COLUMN traits TO facts",
        "ALTER TABLE photos ADD COLUMN noise_score REAL",
        "ALTER TABLE photos ADD COLUMN compression_score REAL",
        """
        UPDATE photos SET
            noise_score = json_extract(facts, '$.noise_score'),
            compression_score = json_extract(facts, '$.compression_score')
        WHERE status = 'completed'
        """,
        "ALTER TABLE sessions ADD COLUMN wished_picks TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN named_from TEXT",
        "ALTER TABLE session_photos ADD COLUMN export_name TEXT",
        "ALTER TABLE session_photos ADD COLUMN group_rank INTEGER",
        "ALTER TABLE session_photos ADD COLUMN learned_score REAL",
        """
        CREATE TABLE export_folders (
            session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            folder TEXT NOT NULL,
            drive TEXT NOT NULL,
            PRIMARY KEY (session_id, folder)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE exports (
            file TEXT PRIMARY KEY NOT NULL,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            given_at TEXT NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX exports_of_photo ON exports (photo_id)",
    ),
)
"""Those that lead from each schema version, which is the index, to the next. Only ever append.

Foreign keys are not enforced meanwhile: a table that is dropped to be rebuilt takes no other rows with it.
"""
