-- Users, accounts and sessions of ginauth in MySQL or MariaDB. Times are milliseconds since
-- 1970. What has to be compared byte by byte is binary: no collation does that.

CREATE TABLE IF NOT EXISTS users (
	id varbinary(255) NOT NULL,
	name text NOT NULL,
	email varbinary(255), -- in lower case; null for none
	email_verified bigint,
	image text NOT NULL,
	PRIMARY KEY (id),
	UNIQUE INDEX users_email_key (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS accounts (
	provider varbinary(255) NOT NULL,
	provider_account_id varbinary(255) NOT NULL,
	user_id varbinary(255) NOT NULL,
	type varchar(32) NOT NULL,
	access_token text NOT NULL, -- sealed, as the next two; empty for none
	refresh_token text NOT NULL,
	id_token text NOT NULL,
	token_type text NOT NULL,
	scope text NOT NULL,
	expires_at bigint,
	PRIMARY KEY (provider, provider_account_id),
	INDEX accounts_user_id_idx (user_id),
	CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS verification_tokens (
	identifier varbinary(255) NOT NULL,
	token varbinary(255) NOT NULL, -- its hash
	expires bigint NOT NULL,
	PRIMARY KEY (identifier, token),
	INDEX verification_tokens_expires_idx (expires)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS second_factors (
	user_id varbinary(255) NOT NULL,
	data longblob NOT NULL, -- sealed
	PRIMARY KEY (user_id),
	CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS revocations (
	subject varbinary(255) NOT NULL, -- its hash
	revoked_at bigint NOT NULL,
	kept_until bigint NOT NULL,
	PRIMARY KEY (subject),
	INDEX revocations_kept_until_idx (kept_until)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS stored_sessions (
	id varbinary(255) NOT NULL, -- the hash of its handle
	subject varbinary(255) NOT NULL, -- the hash of its user's ID; empty for nobody
	data longblob NOT NULL,
	expires bigint NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (id),
	INDEX stored_sessions_subject_idx (subject),
	INDEX stored_sessions_expires_idx (expires)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS session_locks (
	name varbinary(255) NOT NULL, -- its hash
	holder varbinary(255) NOT NULL,
	expires bigint NOT NULL, -- by the database's clock
	PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS passkeys (
	id varbinary(255) NOT NULL, -- the hash of the credential's ID
	user_id varbinary(255) NOT NULL,
	data longblob NOT NULL,
	PRIMARY KEY (id),
	INDEX passkeys_user_id_idx (user_id),
	CONSTRAINT passkeys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
