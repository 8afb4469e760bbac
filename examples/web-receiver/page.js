// The page: a person makes keys, allows notifications, and copies the token for the sender.

import { decodeBase64url, exportToken, generateKeys } from './seal.js';
import { loadKeys, saveKeys, savePlain } from './store.js';

const ADDRESSES = {
  fcm: {
    member: 'token',
    label: 'Registration token',
    hint: 'What getToken() of the Firebase SDK returned.',
  },
  onesignal: {
    member: 'subscription_id',
    label: 'Subscription ID',
    hint: 'What OneSignal.User.PushSubscription.id holds.',
  },
  webpush: {
    label: 'Public VAPID key of the sender',
    hint: 'The browser then makes keys of its own, and opens the messages itself.',
  },
};

const element = (id) => document.getElementById(id);
const registration = navigator.serviceWorker?.register('worker.js', { type: 'module' });

element('make-keys').addEventListener('click', () => attempt('keys', makeKeys));
element('allow').addEventListener('click', () => attempt('permission', askPermission));
element('address').addEventListener('change', showAddress);
element('address').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt('token', makeToken);
});
element('copy').addEventListener('click', () => attempt('copy', copyToken));

showAddress();
attempt('keys', async () => {
  if (registration === undefined || !('Notification' in window)) {
    throw new Problem('This browser receives no pushes here. Open the page over https, not in a '
      + 'private window; on an iPhone, add it to the Home Screen first.');
  }
  await registration;
  await showKeys();
  showPermission();
});

async function makeKeys() {
  const old = await loadKeys();
  if (old && !confirm('Senders who have the old token can no longer reach you. Make new keys?')) {
    return;
  }
  say('keys', 'Making keys …');
  await saveKeys(await generateKeys());
  element('result').hidden = true;
  await showKeys();
  say('keys', `The keys are made. Next: ${nextStep()}.`);
}

async function askPermission() {
  say('permission', 'Waiting for your answer …');
  await Notification.requestPermission();
  showPermission();
  say('permission', Notification.permission === 'granted' ? `Next: ${nextStep()}.` : '');
}

function nextStep() {
  if (element('make-token').disabled) {
    return 'make keys, in step 1';
  }
  return Notification.permission === 'granted'
    ? 'make a token for the sender, in step 3'
    : 'allow notifications, in step 2';
}

async function makeToken() {
  say('token', 'Making the token …');
  const provider = chosenProvider();
  const value = element('value').value.trim();
  const token = provider === 'webpush'
    ? await subscribe(value)
    : exportToken(await loadKeys(), provider, { [ADDRESSES[provider].member]: value });
  // Set anew each time: see `loadPlain` for why.
  await savePlain(provider === 'webpush');
  element('token').value = token;
  element('result').hidden = false;
  element('token').focus();
  element('token').select();
  say('token', Notification.permission === 'granted'
    ? 'The token is ready.'
    : 'The token is ready. Nothing is shown until you allow notifications, in step 2.');
}

/** The browser's own subscription is a token as it is, plus the key that it was made for. */
async function subscribe(applicationServerKey) {
  const key = publicKey(applicationServerKey);
  const { pushManager } = await registration;
  const subscription = await pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: key })
    .catch((error) => {
      throw WORDS[error.name] ? new Problem(WORDS[error.name]) : error;
    });
  // Some browsers give this address, which nobody can reach, for a while after an unsubscription.
  if (new URL(subscription.endpoint).hostname.endsWith('.invalid')) {
    throw new Problem('The browser’s push service gave no address. Try again in some minutes.');
  }
  return JSON.stringify({ ...subscription.toJSON(), applicationServerKey });
}

/** An uncompressed point, as `sealpush vapid public` prints it. */
function publicKey(text) {
  try {
    const octets = decodeBase64url(text);
    if (octets.length === 65 && octets[0] === 4) {
      return octets;
    }
  } catch {
    // Said below.
  }
  throw new Problem('This is no public VAPID key: that has 87 letters, digits, “-” or “_”, and begins with “B”.');
}

async function copyToken() {
  try {
    await navigator.clipboard.writeText(element('token').value);
  } catch {
    element('token').focus();
    element('token').select();
    throw new Problem('The browser does not let the page copy. The token is selected: copy it by hand.');
  }
  say('copy', 'Copied.');
}

async function showKeys() {
  const keys = await loadKeys();
  element('keys-state').textContent = keys
    ? 'This browser has keys. They stay here.'
    : 'This browser has no keys.';
  element('make-keys').textContent = keys ? 'Make new keys' : 'Make keys';
  element('make-keys').classList.toggle('secondary', keys !== undefined);
  element('make-keys').disabled = false;
  element('make-token').disabled = !keys;
  element('make-token-hint').hidden = keys !== undefined;
}

function showPermission() {
  const permission = Notification.permission;
  element('permission-state').textContent = {
    granted: 'Notifications are allowed.',
    denied: 'Notifications are blocked. Allow them in the browser’s settings for this site.',
    default: 'Without your permission nothing is shown.',
  }[permission];
  element('allow').disabled = permission !== 'default';
  // Where there is nothing to ask, the sentence says all.
  element('allow').hidden = permission !== 'default';
}

function showAddress() {
  const address = ADDRESSES[chosenProvider()];
  element('value-label').textContent = address.label;
  element('value-hint').textContent = address.hint;
  element('result').hidden = true;
}

function chosenProvider() {
  return new FormData(element('address')).get('provider');
}

/** What a person can act on. */
class Problem extends Error {}

/** What a browser's refusal to subscribe means, by the name of its exception. */
const WORDS = {
  AbortError: 'The browser’s push service did not answer. Look whether you are online; in Brave, '
    + 'allow “Google services for push messaging” in the settings.',
  InvalidStateError: 'This browser is subscribed for another sender. Remove the site’s data in the '
    + 'browser’s settings first.',
  NotAllowedError: 'The browser refused. Allow notifications, in step 2; a private window has none.',
};

async function attempt(step, action) {
  try {
    say(step, '');
    await action();
  } catch (error) {
    console.error(error);
    say(step, error instanceof Problem
      ? error.message
      : 'That did not work. Reload the page and try again; a private window keeps no keys.');
  }
}

function say(step, text) {
  element(`${step}-status`).textContent = text;
}
