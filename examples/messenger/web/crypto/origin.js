// A relay's origin as a card carries it: `host` or `host:port` in one form, at most 64 octets.

import { FormatError } from './octets.js';

const MAX_LENGTH = 64;

/** Whether it is in the form that a card may carry. @param {string} text */
export function isOrigin(text) {
  const split = /^(\[[0-9a-f:]+\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?$/.exec(text);
  if (text.length > MAX_LENGTH || !split) {
    return false;
  }
  const [, host, port] = split;
  const defaultPort = isLoopback(host) ? '80' : '443';
  const isPort = Number(port) < 65536 && port !== '443' && port !== defaultPort;
  return isHost(host) && (port === undefined || isPort);
}

/** `https://`, and `http://` if and only if it is this machine. @param {string} origin */
export function originUrl(origin) {
  if (!isOrigin(origin)) {
    throw new FormatError('not a relay');
  }
  return `${isLoopback(origin.replace(/:[0-9]+$/, '')) ? 'http' : 'https'}://${origin}`;
}

/** @param {string} host */
function isLoopback(host) {
  return host === 'localhost' || host === '[::1]' || (isIpv4(host) && host.startsWith('127.'));
}

/**
 * Addresses in their usual form only. An IPv4 address inside IPv6 has two usual forms, of which the
 * crate takes the other one.
 *
 * @param {string} host
 */
function isHost(host) {
  if (host.startsWith('[')) {
    return URL.canParse(`http://${host}/`) && new URL(`http://${host}/`).hostname === host;
  }
  const labels = host.split('.');
  const isLabel = (/** @type {string} */ label) =>
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label);
  // Browsers read a name whose last label is a number as an address.
  const isNumber = /^([0-9]+|0x[0-9a-f]*)$/.test(labels[labels.length - 1]);
  return labels.every(isLabel) && (!isNumber || isIpv4(host));
}

/** @param {string} host */
function isIpv4(host) {
  const numbers = host.split('.');
  const isOctet = (/** @type {string} */ it) =>
    /^(0|[1-9][0-9]{0,2})$/.test(it) && Number(it) < 256;
  return numbers.length === 4 && numbers.every(isOctet);
}
