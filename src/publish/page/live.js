// What the instance says: asks for the rows that a view wants, hears of what changes, and tries a lost connection again
// for ever. While it is paused nothing is taken in; going on asks for everything anew.

import { Store } from './store.js';

const RETRY_MS = 2000;

export function query(of) {
  return new URLSearchParams(of).toString();
}

// An answer as JSON, and why it is empty; a refusal is thrown with what to do about it.
export async function ask(path, options = {}) {
  const answer = await fetch(path, { headers: { accept: 'application/json' }, ...options });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) {
    const refusal = new Error(body?.reason ?? (answer.statusText || `status ${answer.status}`));
    throw Object.assign(refusal, { hint: body?.hint ?? '' });
  }
  return { body, why: answer.headers.get('tributary-empty-because') ?? '' };
}

export class Live {
  store = new Store();
  status = null;
  // Events a second, over the last second or so.
  rate = null;
  // Event time that goes faster than the clock has something to catch up with.
  hurrying = false;
  connection = { state: 'waiting', text: 'connecting' };
  whyEmpty = '';
  // When it was paused, by the browser's clock.
  paused = null;
  answered = false;
  #changed;
  #asked = '';
  #questions = [];
  #source = null;
  #generation = 0;
  #fresh = new Set();

  // `changed` is called with the keys of rows that are new or have another value.
  constructor(changed) {
    this.#changed = changed;
  }

  // Rows that are wanted from now on: parameters of /api/v1/kpis.
  watch(questions) {
    const asked = JSON.stringify(questions);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#questions = questions;
    this.answered = false;
    this.#connect();
  }

  pause(on) {
    this.paused = on ? Date.now() : null;
    if (on) this.#changed([]);
    else this.#connect();
  }

  // Holds no connection until it is woken: browsers have six of them for one server, over all of its pages.
  rest() {
    this.#generation += 1;
    this.#source?.close();
    this.#source = null;
  }

  wake() {
    if (this.#source === null && this.#asked !== '') this.#connect();
  }

  get isOpen() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  // How far the instance's clock is ahead of the browser's.
  get skew() {
    return this.status ? this.status.now - this.status.heard : 0;
  }

  hear(news) {
    const last = this.status;
    if (last && news.now > last.now) {
      const rate = ((news.intake.accepted - last.intake.accepted) * 1000) / (news.now - last.now);
      this.rate = rate < 0 ? null : rate;
      this.hurrying = news.watermark - last.watermark > 3 * (news.now - last.now);
    }
    this.status = { ...news, heard: Date.now() };
    this.store.advance(news.watermark);
  }

  // (Re)connects for what is wanted. The stream opens first, so that nothing falls between it and the answers.
  #connect() {
    const mine = ++this.#generation;
    this.#source?.close();
    this.#fresh = new Set();
    const asks = this.#questions.map(({ start: _, ...of }) => ['ask', query(of)]);
    const stream = new EventSource(`/api/v1/stream?${query(asks)}`);
    this.#source = stream;
    const on = (name, act) => stream.addEventListener(name, (event) => mine === this.#generation && act(event));
    const news = (name, act) => on(name, (event) => this.paused === null && act(event));
    const refresh = () => this.#refresh(mine).catch((error) => this.#say('lost', `no answer: ${error.message}`));
    on('open', () => { this.#say('live', 'live'); refresh(); });
    on('error', () => {
      this.#say('lost', 'connection lost, trying again');
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(() => mine === this.#generation && this.#connect(), RETRY_MS);
      }
    });
    news('rows', (event) => this.#changed(this.store.put(JSON.parse(event.data), this.#fresh)));
    news('gone', (event) => { this.store.remove(JSON.parse(event.data)); this.#changed([]); });
    news('behind', refresh);
    news('status', (event) => { this.hear(JSON.parse(event.data)); this.#changed([]); });
  }

  async #refresh(mine) {
    const answers = await Promise.all(this.#questions.map((of) => ask(`/api/v1/kpis?${query(of)}`)));
    if (mine !== this.#generation) return;
    const changed = answers.flatMap(({ body }) => this.store.put(body, this.#fresh));
    this.store.keepOnly(this.#fresh);
    this.whyEmpty = answers.find(({ why }) => why)?.why ?? '';
    this.answered = true;
    this.#changed(changed);
  }

  #say(state, text) {
    this.connection = { state, text };
    this.#changed([]);
  }
}
