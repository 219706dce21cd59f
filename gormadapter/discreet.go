package gormadapter

import (
	"context"

	"gorm.io/gorm/logger"
)

// A discreet logger leaves the values out of the statements that gorm logs, when
// they are slow or fail: they are addresses, hashes of mail links and sealed tokens.
type discreet struct{ logger.Interface }

func (d discreet) LogMode(level logger.LogLevel) logger.Interface {
	return discreet{d.Interface.LogMode(level)}
}

// ParamsFilter is what gorm asks for the values.
func (discreet) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
