package main

import (
	"context"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth/gormadapter"
)

// users keeps users and accounts in SQLite, in memory, so that nothing is left
// behind. An application names a file, or opens PostgreSQL or MySQL.
func users() (*gormadapter.Adapter, error) {
	db, err := gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1) // each connection would have a memory of its own
	adapter, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		return nil, err
	}
	return adapter, adapter.Migrate(context.Background())
}
