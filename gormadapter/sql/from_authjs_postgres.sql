-- Copies what @auth/pg-adapter wrote in PostgreSQL into ginauth's tables: users with
-- their IDs, so that your own tables still refer to them, and their accounts. It
-- leaves the providers' tokens behind: ginauth seals those that it stores.
--
-- Both call their tables users and accounts. So first, in a transaction with all
-- that follows:
--
--   CREATE SCHEMA authjs;
--   ALTER TABLE users SET SCHEMA authjs;
--   ALTER TABLE accounts SET SCHEMA authjs;
--   ALTER TABLE sessions SET SCHEMA authjs;
--   ALTER TABLE verification_token SET SCHEMA authjs;
--
-- Then the adapter's Migrate or postgres.sql, then this. People sign in anew once:
-- sessions are not copied.
--
-- @auth/pg-adapter lets two users have one address. It stays with the one that proved
-- it, else with the older; the other keeps their accounts and has no address.

INSERT INTO users (id, name, email, email_verified, image)
SELECT u.id::text, coalesce(u.name, ''),
	CASE WHEN u.email IS NOT NULL AND row_number() OVER (
		PARTITION BY lower(u.email COLLATE "C") ORDER BY (u."emailVerified" IS NULL), u.id) = 1
	THEN lower(u.email COLLATE "C") END,
	CASE WHEN u.email IS NOT NULL AND row_number() OVER (
		PARTITION BY lower(u.email COLLATE "C") ORDER BY (u."emailVerified" IS NULL), u.id) = 1
	THEN (extract(epoch FROM u."emailVerified") * 1000)::bigint END,
	coalesce(u.image, '')
FROM authjs.users u;

INSERT INTO accounts (provider, provider_account_id, user_id, type, access_token, refresh_token, id_token, token_type, scope, expires_at)
SELECT a.provider, a."providerAccountId", a."userId"::text, CASE WHEN a.type = 'oidc' THEN 'oauth' ELSE a.type END,
	'', '', '', coalesce(a.token_type, ''), coalesce(a.scope, ''), a.expires_at * 1000
FROM authjs.accounts a;
