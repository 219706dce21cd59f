package gormadapter_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/adaptertest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// catalogue are queries for what a database says of its own tables.
var catalogue = map[string][]string{
	"sqlite": {
		`SELECT m.name || '.' || c.name || ' ' || lower(c.type) || ' null=' || (1 - c."notnull") || ' key=' || c.pk
		 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`,
		`SELECT m.name || ' index ' || i.origin || ' unique=' || i."unique" || ' ' || c.seqno || ' ' || c.name || CASE i.origin WHEN 'c' THEN ' ' || i.name ELSE '' END
		 FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c WHERE m.type = 'table'`,
		`SELECT m.name || ' ' || f."from" || ' references ' || f."table" || '.' || f."to" || ' ' || f.on_delete || ' ' || f.on_update
		 FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`,
	},
	"postgres": {
		`SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || coalesce(character_maximum_length, 0) || ' null=' || is_nullable || ' default=' || coalesce(column_default, 'none')
		 FROM information_schema.columns WHERE table_schema = 'public'`,
		`SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'`,
		`SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
	},
	"mysql": {
		`SELECT concat_ws(' ', table_name, column_name, column_type, coalesce(character_set_name, ''), is_nullable, coalesce(column_default, 'none'), column_key)
		 FROM information_schema.columns WHERE table_schema = database()`,
		`SELECT concat_ws(' ', table_name, index_name, non_unique, seq_in_index, column_name, coalesce(sub_part, ''))
		 FROM information_schema.statistics WHERE table_schema = database()`,
		`SELECT concat_ws(' ', constraint_name, table_name, referenced_table_name, delete_rule)
		 FROM information_schema.referential_constraints WHERE constraint_schema = database()`,
		`SELECT concat_ws(' ', table_name, engine, table_collation) FROM information_schema.tables WHERE table_schema = database()`,
	},
}

// tables is how a database describes its tables, in order.
func tables(t testing.TB, db *gorm.DB) string {
	t.Helper()
	var all []string
	for _, query := range catalogue[db.Name()] {
		var lines []string
		if err := db.Raw(query).Scan(&lines).Error; err != nil {
			t.Fatal(err)
		}
		all = append(all, lines...)
	}
	if len(all) == 0 {
		t.Fatal("it describes none")
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// execute runs the statements of a file one by one, as a tool for migrations does.
func execute(t testing.TB, db *gorm.DB, script string) {
	t.Helper()
	var plain []string
	for line := range strings.Lines(script) {
		code, _, _ := strings.Cut(line, "--")
		plain = append(plain, code)
	}
	for statement := range strings.SplitSeq(strings.Join(plain, "\n"), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := db.Exec(statement).Error; err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// The files and Migrate make the same tables, in any order, any number of times and in
// several processes at once, and under a prefix beside an application's own.
func TestSchema(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		byFile, byMigrate := open(t, nil), open(t, nil)
		script, err := gormadapter.Schema(byFile.Name())
		if err != nil {
			t.Fatal(err)
		}
		execute(t, byFile, script)
		var together sync.WaitGroup
		for range 8 {
			together.Go(func() { migrated(t, byMigrate, gormadapter.Options{}) })
		}
		together.Wait()
		a := migrated(t, byMigrate, gormadapter.Options{})
		want := tables(t, byFile)
		same := func(doing string, db *gorm.DB) {
			t.Helper()
			if got := tables(t, db); got != want {
				t.Errorf("%s:\n%s", doing, difference(got, want))
			}
		}
		same("Migrate makes other tables than the file", byMigrate)

		user, err := a.CreateUser(t.Context(), ginauth.User{Email: "ada@example.com"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, byMigrate, script)
		same("the file after Migrate changes something", byMigrate)
		if got, err := a.GetUser(t.Context(), user.ID); err != nil || got.Email != user.Email {
			t.Errorf("after all that the user is %+v, %v", got, err)
		}
		execute(t, byFile, script)
		same("the file again changes something", byFile)
		migrated(t, byFile, gormadapter.Options{})
		same("Migrate after the file changes something", byFile)
	})
}

// An application's own table is left alone, and the error says what helps; with the
// prefix the adapter works beside it, and beside an adapter with another prefix.
func TestTablePrefix(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		execute(t, db, "CREATE TABLE users (number bigint NOT NULL); INSERT INTO users (number) VALUES (1815)")
		before := tables(t, db)
		plain, err := gormadapter.New(db, gormadapter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := plain.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "set Options.TablePrefix") || !strings.Contains(err.Error(), "a table users ") {
			t.Errorf("Migrate in a database with a table users: %v", err)
		}
		if after := tables(t, db); after != before {
			t.Errorf("it changed something:\n%s", difference(after, before))
		}
		const longest = "the_longest_prefix_of_30_bytes"
		made := map[string]*gormadapter.Adapter{}
		for _, prefix := range []string{"auth_", longest} {
			a := migrated(t, db, gormadapter.Options{TablePrefix: prefix, TokenKey: keyA})
			made[prefix] = a
			account := ada()
			if _, err := a.CreateUser(t.Context(), ginauth.User{Email: "ada@example.com"}, &account); err != nil {
				t.Errorf("%s: %v", prefix, err)
			}
			script, err := gormadapter.PrefixedSchema(db.Name(), prefix)
			if err != nil {
				t.Fatal(err)
			}
			before := tables(t, db)
			execute(t, db, script)
			if after := tables(t, db); after != before {
				t.Errorf("%s: PrefixedSchema makes something else:\n%s", prefix, difference(after, before))
			}
		}
		adaptertest.Run(t, func(testing.TB) ginauth.Adapter { return made[longest] })
		if n := count(t, db, "auth_users"); n != 1 {
			t.Errorf("the other adapter has %d users", n)
		}
		if n := count(t, db, "users"); n != 1 {
			t.Errorf("the application has %d rows", n)
		}
	})
}

// count is how many rows a table has.
func count(t testing.TB, db *gorm.DB, table string) (n int64) {
	t.Helper()
	if err := db.Table(table).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

// difference is what only one of two texts has, line by line.
func difference(got, want string) string {
	var b strings.Builder
	a, z := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, line := range a {
		if !slices.Contains(z, line) {
			fmt.Fprintln(&b, "found:   ", line)
		}
	}
	for _, line := range z {
		if !slices.Contains(a, line) {
			fmt.Fprintln(&b, "expected:", line)
		}
	}
	return b.String()
}

func TestSchema_Unknown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "sqlserver", "../keys", "SQLite"} {
		if text, err := gormadapter.Schema(name); err == nil {
			t.Errorf("%q has the schema %s", name, text)
		}
	}
}

// A database where the adapter must not be trusted is refused when it is made.
func TestNew_Faults(t *testing.T) {
	t.Parallel()
	key := make([]byte, 32)
	db := opened(t, sqliteIn(t), nil)
	for _, row := range []struct {
		name string
		db   *gorm.DB
		opts gormadapter.Options
		want string
	}{
		{"no database", nil, gormadapter.Options{}, "is nil"},
		{"short key", db, gormadapter.Options{TokenKey: key[:16]}, "TokenKey has 16 bytes"},
		{"long key", db, gormadapter.Options{TokenKey: append(key, 0)}, "TokenKey has 33 bytes"},
		{"short previous key", db, gormadapter.Options{TokenKey: key, PreviousTokenKeys: [][]byte{key, {1}}}, "PreviousTokenKeys[1] has 1 bytes"},
		{"a quote in the prefix", db, gormadapter.Options{TablePrefix: `auth"; DROP TABLE users; --`}, `write at most 30 lower-case letters`},
		{"a long prefix", db, gormadapter.Options{TablePrefix: strings.Repeat("a", 200)}, "of 200 bytes; write at most 30"},
		{"a prefix of 31", db, gormadapter.Options{TablePrefix: strings.Repeat("a", 31)}, "TablePrefix"},
		{"an upper-case prefix", db, gormadapter.Options{TablePrefix: "Auth_"}, "TablePrefix"},
		{"a prefix with a line", db, gormadapter.Options{TablePrefix: "auth_\n"}, "TablePrefix"},
		{"a digit first", db, gormadapter.Options{TablePrefix: "1auth_"}, "TablePrefix"},
		{"a schema", db, gormadapter.Options{TablePrefix: "auth."}, "TablePrefix"},
		{"previous keys alone", db, gormadapter.Options{PreviousTokenKeys: [][]byte{key}}, "no TokenKey"},
	} {
		if a, err := gormadapter.New(row.db, row.opts); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, %v", row.name, a, err)
		}
	}
	if _, err := gormadapter.New(db, gormadapter.Options{TokenKey: key}); err != nil {
		t.Error(err)
	}
}
