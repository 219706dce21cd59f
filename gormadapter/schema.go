package gormadapter

import (
	"context"
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed sql/*.sql
var schemas embed.FS

// tables are the names of an Adapter's tables.
type tables struct {
	users, accounts, tokens, factors, revocations, sessions, locks, passkeys string
}

func newTables(prefix string) tables {
	return tables{
		users: prefix + "users", accounts: prefix + "accounts", tokens: prefix + "verification_tokens", factors: prefix + "second_factors",
		revocations: prefix + "revocations", sessions: prefix + "stored_sessions", locks: prefix + "session_locks",
		passkeys: prefix + "passkeys",
	}
}

// columns are what the adapter needs of each table.
func (t tables) columns() map[string]string {
	return map[string]string{
		t.users:       "id, name, email, email_verified, image",
		t.accounts:    "provider, provider_account_id, user_id, type, access_token, refresh_token, id_token, token_type, scope, expires_at",
		t.tokens:      "identifier, token, expires",
		t.factors:     "user_id, data",
		t.revocations: "subject, revoked_at, kept_until",
		t.sessions:    "id, subject, data, expires, version",
		t.locks:       "name, holder, expires",
		t.passkeys:    "id, user_id, data",
	}
}

var (
	// ownName finds what a prefix belongs to in a schema: tables, and what is called
	// after them.
	ownName = regexp.MustCompile(`\b(users|accounts|verification_tokens|second_factors|revocations|stored_sessions|session_locks|passkeys)(_[a-z_]+)?\b`)
	// goodPrefix leaves room for the longest name: PostgreSQL has 63 bytes. Such names
	// need no quotes in any of the databases.
	goodPrefix = regexp.MustCompile(`^([a-z][a-z0-9_]{0,29})?$`)
)

// Schema returns the statements that create the tables users, accounts,
// verification_tokens, second_factors, revocations, stored_sessions, session_locks and
// passkeys, for a tool that migrates the database. They may be run again. database is "sqlite", "postgres" or
// "mysql", as gorm names it; MariaDB is mysql.
func Schema(database string) (string, error) {
	return PrefixedSchema(database, "")
}

// PrefixedSchema is Schema for an Adapter with that Options.TablePrefix.
func PrefixedSchema(database, prefix string) (string, error) {
	text, err := schemas.ReadFile("sql/" + database + ".sql")
	if err != nil {
		return "", fmt.Errorf("gormadapter: there is no schema for %q; it is for sqlite, postgres and mysql", database)
	}
	if err := checkPrefix(prefix); err != nil {
		return "", err
	}
	return ownName.ReplaceAllString(string(text), prefix+"${0}"), nil
}

func checkPrefix(prefix string) error {
	if goodPrefix.MatchString(prefix) {
		return nil
	}
	return fmt.Errorf("gormadapter: TablePrefix is %.40q, of %d bytes; write at most 30 lower-case letters a to z, digits and underscores that begin with a letter, such as \"auth_\"",
		prefix, len(prefix))
}

// Migrate creates the tables and indexes that are missing, by the statements of Schema.
// It changes none that exists, may run again, and may run in several processes at once.
// The error says so where a table belongs to the application.
func (a *Adapter) Migrate(ctx context.Context) error {
	script, err := PrefixedSchema(a.db.Name(), a.prefix)
	if err != nil {
		return err
	}
	if err := a.checkTables(ctx); err != nil {
		return err
	}
	return a.explain(a.run(ctx, script))
}

// migrations is how often Migrate tries each statement. PostgreSQL fails where two
// processes create the same table or index at once: the next time it is there.
const migrations = 3

// run runs the statements of a script.
func (a *Adapter) run(ctx context.Context, script string) error {
	var plain strings.Builder
	for line := range strings.Lines(script) {
		code, _, _ := strings.Cut(line, "--")
		plain.WriteString(code + "\n")
	}
	for statement := range strings.SplitSeq(plain.String(), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		var err error
		for range migrations {
			if err = a.with(ctx).Exec(statement).Error; err == nil || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkTables refuses a table of the adapter's name that is not the adapter's: an index
// on it, or a row in it, would be the application's harm.
func (a *Adapter) checkTables(ctx context.Context) error {
	for table, columns := range a.tables.columns() {
		if !a.with(ctx).Migrator().HasTable(table) {
			continue
		}
		if err := a.with(ctx).Exec("SELECT " + columns + " FROM " + table + " WHERE 1 = 0").Error; err != nil {
			return fmt.Errorf("gormadapter: there is a table %s without the adapter's columns; if it is the application's own, set Options.TablePrefix, such as \"auth_\": %w", table, err)
		}
	}
	return nil
}
