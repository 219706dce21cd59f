export const authOptions = {
  providers: [], // Gin has them
}
