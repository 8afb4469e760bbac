// What a push event carries, what is shown, and where a click leads.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clickTarget, neutralNotification, parseNotification, unwrap } from '../notification.js';

const BASE = 'https://app.example.net/';
const message = (notification, more = {}) =>
  JSON.stringify({
    web_push: 8030,
    notification: { title: 'Hi', navigate: '/inbox', ...notification },
    ...more,
  });
const parse = (notification, more) => parseNotification(message(notification, more), BASE);

test('the sealed body is found where FCM and OneSignal put it', () => {
  const fcm = { data: { e2ee: 'AAAA' }, from: '1', fcmMessageId: 'x', priority: 'high' };
  assert.deepEqual(unwrap(JSON.stringify(fcm)), { sealed: 'AAAA' });
  const oneSignal = { custom: { i: 'id', a: { e2ee: 'AAAA' } }, title: 'New message', alert: 'x' };
  assert.deepEqual(unwrap(JSON.stringify(oneSignal)), { sealed: 'AAAA' });
});

test('what holds no sealed body is plain, or nothing', () => {
  assert.deepEqual(unwrap(message({})), { plain: message({}) });
  for (const text of ['', 'hello', '[]', 'null', '1', '{"data":{"e2ee":7}}', '{"data":{"e2ee":{}}}']) {
    assert.equal(unwrap(text), undefined, text);
  }
});

test('a sealed member beside a notification is not taken for a plain one', () => {
  const both = JSON.stringify({ ...JSON.parse(message({})), data: { e2ee: 7 } });
  assert.equal(unwrap(both), undefined);
});

test('every member reaches showNotification', () => {
  const { title, options, appBadge } = parse({
    body: 'text',
    icon: '/icon.png',
    image: 'https://img.example.net/a.jpg',
    badge: '/badge.png',
    tag: 'door',
    lang: 'en',
    dir: 'rtl',
    silent: false,
    renotify: true,
    requireInteraction: true,
    timestamp: 1700000000123,
    vibrate: [200, 100],
    actions: [{ action: 'close', title: 'Close', navigate: '/close', icon: '/x.png' }],
    data: { door: 7 },
  }, { app_badge: 3 });
  assert.equal(title, 'Hi');
  assert.equal(appBadge, 3);
  assert.deepEqual({ ...options, data: { ...options.data, targets: { ...options.data.targets } } }, {
    body: 'text',
    icon: 'https://app.example.net/icon.png',
    image: 'https://img.example.net/a.jpg',
    badge: 'https://app.example.net/badge.png',
    tag: 'door',
    lang: 'en',
    dir: 'rtl',
    silent: false,
    renotify: true,
    requireInteraction: true,
    timestamp: 1700000000123,
    vibrate: [200, 100],
    actions: [{ action: 'close', title: 'Close', icon: 'https://app.example.net/x.png' }],
    data: {
      navigate: 'https://app.example.net/inbox',
      targets: { close: 'https://app.example.net/close' },
      app: { door: 7 },
    },
  });
});

test('what showNotification would throw for is left out', () => {
  assert.equal('renotify' in parse({ renotify: true }).options, false);
  assert.equal('vibrate' in parse({ silent: true, vibrate: [1] }).options, false);
  assert.equal('dir' in parse({ dir: 'up' }).options, false);
  assert.equal('body' in parse({ body: 7 }).options, false);
});

test('what is no declarative message shows nothing', () => {
  const bad = [
    '', 'hello', '{}', '[]', 'null',
    '{"web_push":8030}',
    '{"web_push":8030,"notification":[]}',
    '{"web_push":8031,"notification":{"title":"Hi","navigate":"/"}}',
    '{"web_push":"8030","notification":{"title":"Hi","navigate":"/"}}',
    message({ title: '' }),
    message({ title: 7 }),
    message({ navigate: undefined }),
    message({ navigate: 'javascript:alert(1)' }),
    message({ navigate: 'http://other.example/' }),
  ];
  for (const text of bad) {
    assert.equal(parseNotification(text, BASE), undefined, text);
  }
});

test('the neutral notification opens the app and stays one', () => {
  const { title, options } = neutralNotification(BASE);
  assert.ok(title.length > 0 && options.tag.length > 0);
  assert.equal(clickTarget(options.data, '', BASE), BASE);
});

test('links that are not safe are left out', () => {
  for (const bad of ['javascript:alert(1)', 'data:image/png;base64,AA', 'http://other.example/a', 7]) {
    assert.equal('icon' in parse({ icon: bad }).options, false, `${bad}`);
    const { options } = parse({ actions: [{ action: 'a', title: 'A', navigate: bad }] });
    assert.equal('actions' in options, false, `${bad}`);
  }
});

test('a click opens https and same-origin pages only', () => {
  const { data } = parse({ actions: [{ action: 'close', title: 'Close', navigate: '/close' }] }).options;
  assert.equal(clickTarget(data, '', BASE), 'https://app.example.net/inbox');
  assert.equal(clickTarget(data, 'close', BASE), 'https://app.example.net/close');
  assert.equal(clickTarget(data, 'other', BASE), undefined);
  assert.equal(clickTarget(data, 'constructor', BASE), undefined);
  assert.equal(clickTarget({ navigate: 'https://other.example/a' }, '', BASE), 'https://other.example/a');
  for (const navigate of [
    'javascript:alert(1)', 'data:text/html,x', 'http://app.example.net/', 'blob:https://app.example.net/1',
    'file:///etc/passwd', 'https://user:password@app.example.net/', '//[', undefined, null, 7,
  ]) {
    assert.equal(clickTarget({ navigate }, '', BASE), undefined, `${navigate}`);
  }
  assert.equal(clickTarget(undefined, '', BASE), undefined);
  assert.equal(clickTarget({ navigate: '/x' }, '', 'http://localhost:8000/'), 'http://localhost:8000/x');
});
