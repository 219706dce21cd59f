package recipes

import (
	"context"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/websocket"

	"github.com/ginauth/ginauth"
)

// Echo answers a WebSocket until its session ends. It is behind RequireSession, which
// refuses the pages of other origins.
func Echo(auth *ginauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		conn, err := websocket.Accept(c.Writer, c.Request, nil)
		if err != nil {
			return // Accept has answered
		}
		defer conn.CloseNow()
		// A context that ends in a Read tears the connection: say why first.
		defer context.AfterFunc(ctx, func() {
			conn.Close(websocket.StatusPolicyViolation, "the session ended")
		})()
		for {
			kind, message, err := conn.Read(c.Request.Context())
			if err != nil || conn.Write(c.Request.Context(), kind, message) != nil {
				return
			}
		}
	}
}

// CloseWith does the same for a connection of gorilla/websocket.
func CloseWith(ctx context.Context, conn *gorilla.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		farewell := gorilla.FormatCloseMessage(gorilla.ClosePolicyViolation, "the session ended")
		conn.WriteControl(gorilla.CloseMessage, farewell, time.Now().Add(time.Second))
		conn.Close()
	})
}
