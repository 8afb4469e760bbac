// From what a push event carries to what `showNotification` takes. Pure: no I/O, so that Node can
// test it.

/**
 * Where the sealed body is in a push message.
 *
 * - FCM delivers `{data: {e2ee}, from, ...}`,
 * - OneSignal delivers its own members and the sender's data in `custom.a`,
 * - Web Push without either delivers the plaintext, which the browser has opened.
 *
 * @param {string} text the message as text
 * @returns {{sealed: string} | {plain: string} | undefined} `undefined` for what is neither
 */
export function unwrap(text) {
  const message = parseObject(text);
  if (message === undefined) {
    return undefined;
  }
  const sealed = message.data?.e2ee ?? message.custom?.a?.e2ee;
  if (sealed !== undefined) {
    return typeof sealed === 'string' ? { sealed } : undefined;
  }
  return { plain: text };
}

/**
 * Reads the JSON form of Declarative Web Push.
 *
 * @param {string} text
 * @param {string} base the worker's scope, against which paths are resolved
 * @returns {{title: string, options: object, appBadge?: number} | undefined} arguments for
 *   `showNotification` and `setAppBadge`; `undefined` for anything else
 */
export function parseNotification(text, base) {
  const message = parseObject(text);
  const it = message?.notification;
  if (message?.web_push !== 8030 || !isObject(it)) {
    return undefined;
  }
  const navigate = safeUrl(it.navigate, base);
  if (typeof it.title !== 'string' || it.title === '' || navigate === undefined) {
    return undefined;
  }
  const targets = Object.create(null);
  const actions = [];
  for (const action of Array.isArray(it.actions) ? it.actions : []) {
    const target = safeUrl(action?.navigate, base);
    if (typeof action?.action === 'string' && typeof action.title === 'string' && target) {
      targets[action.action] = target;
      actions.push(defined({
        action: action.action,
        title: action.title,
        icon: safeUrl(action.icon, base),
      }));
    }
  }
  const tag = ofType('string', it.tag);
  const options = defined({
    body: ofType('string', it.body),
    icon: safeUrl(it.icon, base),
    image: safeUrl(it.image, base),
    badge: safeUrl(it.badge, base),
    tag,
    lang: ofType('string', it.lang),
    dir: ['auto', 'ltr', 'rtl'].includes(it.dir) ? it.dir : undefined,
    silent: ofType('boolean', it.silent),
    // Browsers throw for `renotify` without a tag, and for a silent one that vibrates.
    renotify: (tag && it.renotify === true) || undefined,
    requireInteraction: it.requireInteraction === true || undefined,
    timestamp: Number.isSafeInteger(it.timestamp) ? it.timestamp : undefined,
    vibrate: it.silent !== true && Array.isArray(it.vibrate) ? it.vibrate : undefined,
    actions: actions.length > 0 ? actions : undefined,
  });
  options.data = { navigate, targets, app: it.data };
  const appBadge = message.app_badge ?? it.app_badge;
  return defined({
    title: it.title,
    options,
    appBadge: Number.isSafeInteger(appBadge) && appBadge >= 0 ? appBadge : undefined,
  });
}

/**
 * What a push shows that carries nothing to show: it has no body, or one that does not open. One
 * for all of them, so that they do not pile up.
 *
 * @param {string} base the worker's scope, which a click opens
 * @returns {{title: string, options: object}} arguments for `showNotification`
 */
export function neutralNotification(base) {
  return {
    title: 'New message',
    options: { body: 'Open the app to read it.', tag: 'sealpush-neutral', data: { navigate: base } },
  };
}

/**
 * The page that a click opens.
 *
 * @param {{navigate: string, targets: object}} data what `parseNotification` put in `options.data`
 * @param {string} action the button's name, empty for the notification itself
 * @param {string} base the worker's scope
 * @returns {string | undefined} an https or same-origin URL
 */
export function clickTarget(data, action, base) {
  return safeUrl(action ? data?.targets?.[action] : data?.navigate, base);
}

/** An https URL, or one of the app's own origin; `undefined` for `javascript:` and all others. */
function safeUrl(text, base) {
  if (typeof text !== 'string' || !URL.canParse(text, base)) {
    return undefined;
  }
  const url = new URL(text, base);
  const own = url.origin !== 'null' && url.origin === new URL(base).origin;
  const safe = (own && url.protocol.startsWith('http')) || url.protocol === 'https:';
  return safe && url.username === '' && url.password === '' ? url.href : undefined;
}

function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ofType(type, value) {
  return typeof value === type ? value : undefined;
}

function defined(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
