// The RPC methods of the register protocol: their ids and formats in one table.
import { emptyMessage } from '../format/membership-formats.ts';
import {
  acceptRequest,
  acceptResponse,
  changeRequest,
  changeResponse,
  fetchRequest,
  fetchResponse,
  forgetRequest,
  forgetResponse,
  learnRequest,
  learnResponse,
  mendRegisterRequest,
  prepareRequest,
  prepareResponse,
  scanRequest,
  scanResponse,
  settleRequest,
  settleResponse,
} from '../format/register-formats.ts';
import { method } from './rpc.ts';

export const REGISTER_METHODS = {
  prepare: method(1, 'register.prepare', prepareRequest, prepareResponse),
  accept: method(2, 'register.accept', acceptRequest, acceptResponse),
  fetch: method(3, 'register.fetch', fetchRequest, fetchResponse),
  scan: method(4, 'register.scan', scanRequest, scanResponse),
  learn: method(5, 'register.learn', learnRequest, learnResponse),
  change: method(6, 'register.change', changeRequest, changeResponse),
  settle: method(7, 'register.settle', settleRequest, settleResponse),
  mend: method(8, 'register.mend', mendRegisterRequest, emptyMessage),
  forget: method(9, 'register.forget', forgetRequest, forgetResponse),
} as const;
