let next = 1;

/** `%UPSTREAM_CONNECTION_ID%`: one sequence for all connections to upstream hosts. */
export function takeConnectionId(): number {
  return next++;
}
