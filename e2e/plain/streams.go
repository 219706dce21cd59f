package main

import (
	"context"
	"io"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// events sends the time until the session ends. The page is told to connect
// again soon, which shows what it is then answered.
func events(auth *ginauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		c.Header("Content-Type", "text/event-stream")
		_, _ = io.WriteString(c.Writer, "retry: 100\n\n")
		c.Stream(func(io.Writer) bool {
			select {
			case <-ctx.Done():
				return false
			case now := <-tick.C:
				c.SSEvent("time", now.Format(time.TimeOnly))
				return true
			}
		})
	}
}

// socket answers each message with the same, until the session ends.
func socket(auth *ginauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		conn, err := websocket.Accept(c.Writer, c.Request, &websocket.AcceptOptions{
			InsecureSkipVerify: true, // the guard has checked the origin
		})
		if err != nil {
			return // Accept has answered
		}
		defer func() { _ = conn.CloseNow() }()
		// A context that ends in a Read tears the connection: say why first.
		defer context.AfterFunc(ctx, func() { _ = conn.Close(websocket.StatusPolicyViolation, "the session ended") })()
		for {
			kind, message, err := conn.Read(c.Request.Context())
			if err != nil || conn.Write(c.Request.Context(), kind, message) != nil {
				return
			}
		}
	}
}
