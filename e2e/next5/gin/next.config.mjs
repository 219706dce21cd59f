const gin = process.env.GIN_URL ?? "http://localhost:8080" // read by next build

export default {
  async rewrites() {
    return [
      { source: "/api/auth/:path*", destination: `${gin}/api/auth/:path*` },
      { source: "/go/:path*", destination: `${gin}/go/:path*` },
    ]
  },
}
