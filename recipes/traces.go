package recipes

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
	"gorm.io/plugin/opentelemetry/tracing"
)

// Traces sends spans to the collector of OTEL_EXPORTER_OTLP_ENDPOINT. Call Shutdown
// before the program ends.
func Traces(ctx context.Context) (*sdktrace.TracerProvider, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter)), nil
}

// Instrument traces what a session store and an adapter ask: the commands of Redis
// without their keys and values, and SQL without its variables.
func Instrument(tp trace.TracerProvider, client redis.UniversalClient, db *gorm.DB) error {
	return errors.Join(
		redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(tp), redisotel.WithDBStatement(false)),
		db.Use(tracing.NewPlugin(tracing.WithTracerProvider(tp), tracing.WithoutQueryVariables(), tracing.WithoutMetrics())),
	)
}

// TraceProviders traces the requests to identity providers. Their URLs go into the spans
// without the query, in which some services take access tokens and secrets.
func TraceProviders(tp trace.TracerProvider, base http.RoundTripper) http.RoundTripper {
	whole := roundTripper(func(req *http.Request) (*http.Response, error) {
		sent := req.Clone(req.Context())
		sent.URL = req.Context().Value(wholeURL{}).(*url.URL)
		return base.RoundTrip(sent)
	})
	traced := otelhttp.NewTransport(whole, otelhttp.WithTracerProvider(tp))
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		shown := req.Clone(context.WithValue(req.Context(), wholeURL{}, req.URL))
		shown.URL.RawQuery = ""
		return traced.RoundTrip(shown)
	})
}

type wholeURL struct{}

// TraceSite traces the requests to the site. The spans of the other functions belong to
// the one of their request.
func TraceSite(tp trace.TracerProvider, site http.Handler) http.Handler {
	return otelhttp.NewHandler(site, "site", otelhttp.WithTracerProvider(tp))
}
