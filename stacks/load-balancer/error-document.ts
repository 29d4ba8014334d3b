// What the balancers themselves say to a client, in the form in which S3 clients read errors.

export type BalancerStatus = 400 | 403 | 408 | 500 | 502 | 503 | 504;

const ERRORS: Readonly<Record<BalancerStatus, readonly [code: string, message: string]>> = {
  400: ['BadRequest', 'The load balancer could not read the request.'],
  403: ['AccessDenied', 'This path belongs to the nodes themselves and is not served to clients.'],
  408: ['RequestTimeout', 'The load balancer waited too long for the request.'],
  500: ['InternalError', 'The load balancer met an error. Please try again.'],
  502: ['ServiceUnavailable', 'The node broke off before it answered. Please try again.'],
  503: ['ServiceUnavailable', 'No node is ready. Please try again.'],
  504: ['ServiceUnavailable', 'The node did not answer in time. Please try again.'],
};

export const BALANCER_STATUSES = Object.keys(ERRORS).map(Number) as BalancerStatus[];

/** Without single quotation marks, backslashes and dollar signs, so that it can be quoted in any configuration file. */
export function errorDocument(status: BalancerStatus): string {
  const [code, message] = ERRORS[status];
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}
