// Makes the tables of @auth/pg-adapter, as its page has them, and writes people
// into them through the adapter itself. DATABASE_URL names the database.
import PostgresAdapter from '@auth/pg-adapter'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
await pool.query(`
CREATE TABLE verification_token (identifier TEXT NOT NULL, expires TIMESTAMPTZ NOT NULL, token TEXT NOT NULL, PRIMARY KEY (identifier, token));
CREATE TABLE accounts (id SERIAL PRIMARY KEY, "userId" INTEGER NOT NULL, type VARCHAR(255) NOT NULL, provider VARCHAR(255) NOT NULL,
  "providerAccountId" VARCHAR(255) NOT NULL, refresh_token TEXT, access_token TEXT, expires_at BIGINT, id_token TEXT, scope TEXT, session_state TEXT, token_type TEXT);
CREATE TABLE sessions (id SERIAL PRIMARY KEY, "userId" INTEGER NOT NULL, expires TIMESTAMPTZ NOT NULL, "sessionToken" VARCHAR(255) NOT NULL);
CREATE TABLE users (id SERIAL PRIMARY KEY, name VARCHAR(255), email VARCHAR(255), "emailVerified" TIMESTAMPTZ, image TEXT);
`)
const adapter = PostgresAdapter(pool)
const people = [
  { name: 'Ada Lovelace', email: 'Ada@Example.com', emailVerified: new Date('2025-01-02T03:04:05Z'), image: 'https://pictures.example/ada.png', provider: 'github', id: '1001' },
  { name: null, email: 'grace@example.com', emailVerified: null, image: null, provider: 'azure-ad', id: 'sub-of-grace' },
  { name: 'Ada again', email: 'ada@example.com', emailVerified: null, image: null, provider: 'google', id: '3' },
  { name: 'Known Here', email: null, emailVerified: null, image: null, provider: 'local', id: 'ada' },
  { name: 'Nobody', email: null, emailVerified: null, image: null, provider: 'twitter', id: '4' },
]
for (const { provider, id, ...user } of people) {
  const made = await adapter.createUser(user)
  await adapter.linkAccount({ userId: made.id, type: 'oauth', provider, providerAccountId: id, access_token: 'leaked-access', refresh_token: 'leaked-refresh', expires_at: 1767225600, token_type: 'bearer', scope: 'a b' })
}
await pool.end()
