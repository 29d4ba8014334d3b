// The RPC methods of membership: their ids and formats in one table.
import {
  emptyMessage,
  foundedRequest,
  foundRequest,
  mapMessage,
  pingMessage,
  replaceRequest,
  reportMessage,
  sampleRequest,
  sampleResponse,
} from '../format/membership-formats.ts';
import { method } from './rpc.ts';

export const MEMBERSHIP_METHODS = {
  found: method(20, 'cluster.found', foundRequest, emptyMessage),
  founded: method(21, 'cluster.founded', foundedRequest, emptyMessage),
  ping: method(22, 'cluster.ping', pingMessage, pingMessage),
  map: method(23, 'cluster.map', emptyMessage, mapMessage),
  report: method(24, 'cluster.report', emptyMessage, reportMessage),
  replace: method(25, 'cluster.replace', replaceRequest, emptyMessage),
  scrub: method(26, 'cluster.scrub', emptyMessage, emptyMessage),
  sample: method(27, 'cluster.sample', sampleRequest, sampleResponse),
} as const;
