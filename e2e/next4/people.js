// Who there is. Grace is in so many groups that her session takes several
// cookies.
export const people = {
  ada: { id: "1", name: "Ada Lovelace", email: "ada@example.com", groups: ["engineers"] },
  grace: {
    id: "2",
    name: "Grace Hopper",
    email: "grace@example.com",
    groups: Array.from({ length: 400 }, (_, i) => `group-${i}`),
  },
}
