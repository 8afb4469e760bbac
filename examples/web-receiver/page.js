// The page: a person makes keys, allows notifications, and copies the token for the sender.

import { decodeBase64, exportToken, generateKeys } from './seal.js';
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
const registration = navigator.serviceWorker.register('worker.js', { type: 'module' });

element('make-keys').addEventListener('click', () => attempt(makeKeys));
element('allow').addEventListener('click', () => attempt(askPermission));
element('address').addEventListener('change', showAddress);
element('address').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(makeToken);
});
element('copy').addEventListener('click', () => attempt(copyToken));

showAddress();
attempt(async () => {
  await registration;
  await showKeys();
  showPermission();
});

async function makeKeys() {
  const old = await loadKeys();
  if (old && !confirm('Senders who have the old token can no longer reach you. Make new keys?')) {
    return;
  }
  await saveKeys(await generateKeys());
  element('result').hidden = true;
  await showKeys();
  say('The keys are made. Make a token for the sender next.');
}

async function askPermission() {
  await Notification.requestPermission();
  showPermission();
}

async function makeToken() {
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
  say('The token is ready.');
}

/** The browser's own subscription is a token as it is, plus the key that it was made for. */
async function subscribe(applicationServerKey) {
  const { pushManager } = await registration;
  const subscription = await pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: decodeBase64(applicationServerKey),
  });
  return JSON.stringify({ ...subscription.toJSON(), applicationServerKey });
}

async function copyToken() {
  await navigator.clipboard.writeText(element('token').value);
  say('Copied.');
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
}

function showPermission() {
  const permission = Notification.permission;
  element('permission-state').textContent = {
    granted: 'Notifications are allowed.',
    denied: 'Notifications are blocked. Allow them in the browser’s settings for this site.',
    default: 'Without your permission nothing is shown.',
  }[permission];
  element('allow').disabled = permission !== 'default';
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

async function attempt(action) {
  try {
    say('');
    await action();
  } catch (error) {
    say(`That did not work: ${error.message}`);
  }
}

function say(text) {
  element('status').textContent = text;
}
