package gormadapter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
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
		if len(lines) == 0 {
			t.Fatalf("nothing found by %s", query)
		}
		all = append(all, lines...)
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

// The files and AutoMigrate make the same tables, in any order and any number of
// times.
func TestSchema(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		byFile, byGorm := open(t, nil), open(t, nil)
		script, err := gormadapter.Schema(byFile.Name())
		if err != nil {
			t.Fatal(err)
		}
		execute(t, byFile, script)
		a := migrated(t, byGorm, gormadapter.Options{})
		want := tables(t, byFile)
		same := func(doing string, db *gorm.DB) {
			t.Helper()
			if got := tables(t, db); got != want {
				t.Errorf("%s:\n%s", doing, difference(got, want))
			}
		}
		same("AutoMigrate makes other tables than the file", byGorm)

		user, err := a.CreateUser(t.Context(), ginauth.User{Email: "ada@example.com"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		migrated(t, byGorm, gormadapter.Options{})
		same("AutoMigrate again changes something", byGorm)
		execute(t, byGorm, script)
		same("the file after AutoMigrate changes something", byGorm)
		if got, err := a.GetUser(t.Context(), user.ID); err != nil || got.Email != user.Email {
			t.Errorf("after all that the user is %+v, %v", got, err)
		}
		execute(t, byFile, script)
		same("the file again changes something", byFile)
		migrated(t, byFile, gormadapter.Options{})
		same("AutoMigrate after the file changes something", byFile)
	})
}

// difference is what only one of two texts has, line by line.
func difference(got, want string) string {
	var b strings.Builder
	a, z := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, line := range a {
		if !slices.Contains(z, line) {
			fmt.Fprintln(&b, "AutoMigrate:", line)
		}
	}
	for _, line := range z {
		if !slices.Contains(a, line) {
			fmt.Fprintln(&b, "the file:   ", line)
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
