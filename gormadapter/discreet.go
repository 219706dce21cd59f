package gormadapter

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm/logger"
)

// A discreet logger leaves values out of what gorm logs when statements are slow or
// fail: they are addresses, hashes of mail links and sealed tokens.
type discreet struct{ logger.Interface }

func (d discreet) LogMode(level logger.LogLevel) logger.Interface {
	return discreet{d.Interface.LogMode(level)}
}

// ParamsFilter is what gorm asks for a statement's values.
func (discreet) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Trace leaves out what stands in quotes in an error. In MySQL's "Duplicate entry
// 'ada@example.com' for key" it is a value.
func (d discreet) Trace(ctx context.Context, begin time.Time, fc func() (sql string, rows int64), err error) {
	if err != nil {
		if i := strings.IndexAny(err.Error(), `'"`); i >= 0 {
			err = errors.New(err.Error()[:i] + "…")
		}
	}
	d.Interface.Trace(ctx, begin, fc, err)
}
