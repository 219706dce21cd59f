-- Users, accounts and sessions of ginauth in PostgreSQL. Times are milliseconds since 1970.

CREATE TABLE IF NOT EXISTS users (
	id text NOT NULL,
	name text NOT NULL,
	email text, -- in lower case; null for none
	email_verified bigint,
	image text NOT NULL,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX IF NOT EXISTS users_email_key ON users (email);

CREATE TABLE IF NOT EXISTS accounts (
	provider text NOT NULL,
	provider_account_id text NOT NULL,
	user_id text NOT NULL,
	type varchar(32) NOT NULL,
	access_token text NOT NULL, -- sealed, as the next two; empty for none
	refresh_token text NOT NULL,
	id_token text NOT NULL,
	token_type text NOT NULL,
	scope text NOT NULL,
	expires_at bigint,
	PRIMARY KEY (provider, provider_account_id),
	CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS accounts_user_id_idx ON accounts (user_id);

CREATE TABLE IF NOT EXISTS verification_tokens (
	identifier text NOT NULL,
	token text NOT NULL, -- its hash
	expires bigint NOT NULL,
	PRIMARY KEY (identifier, token)
);
CREATE INDEX IF NOT EXISTS verification_tokens_expires_idx ON verification_tokens (expires);

CREATE TABLE IF NOT EXISTS second_factors (
	user_id text NOT NULL,
	data bytea NOT NULL, -- sealed
	PRIMARY KEY (user_id),
	CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS revocations (
	subject text NOT NULL, -- its hash
	revoked_at bigint NOT NULL,
	kept_until bigint NOT NULL,
	PRIMARY KEY (subject)
);
CREATE INDEX IF NOT EXISTS revocations_kept_until_idx ON revocations (kept_until);

CREATE TABLE IF NOT EXISTS stored_sessions (
	id text NOT NULL, -- the hash of its handle
	subject text NOT NULL, -- the hash of its user's ID; empty for nobody
	data bytea NOT NULL,
	expires bigint NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX IF NOT EXISTS stored_sessions_subject_idx ON stored_sessions (subject);
CREATE INDEX IF NOT EXISTS stored_sessions_expires_idx ON stored_sessions (expires);

CREATE TABLE IF NOT EXISTS session_locks (
	name text NOT NULL, -- its hash
	holder text NOT NULL,
	expires bigint NOT NULL, -- by the database's clock
	PRIMARY KEY (name)
);

CREATE TABLE IF NOT EXISTS passkeys (
	id text NOT NULL, -- the hash of the credential's ID
	user_id text NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT passkeys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS passkeys_user_id_idx ON passkeys (user_id);
