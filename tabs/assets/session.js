// The sign-in of people: no cookie, so that it also works inside a foreign frame. The token lies in this browser's
// storage and travels as a header with every request the page makes to its own server, uploads included.
(() => {
  const KEY = "voiceforge-session";
  const HEADER = "x-voiceforge-session";
  let token = "";
  try { token = localStorage.getItem(KEY) || ""; } catch { /* storage is forbidden: signed in until the page closes */ }

  window.voiceforge = {
    get token() { return token; },
    keep(value) {
      token = value || "";
      try { token ? localStorage.setItem(KEY, token) : localStorage.removeItem(KEY); } catch { /* as above */ }
    },
  };

  const fetch = window.fetch.bind(window);
  window.fetch = (input, init) => {
    const request = input instanceof Request;
    const url = new URL(request ? input.url : input, location.href);
    if (!token || url.origin !== location.origin) return fetch(input, init);
    const headers = new Headers(init?.headers ?? (request ? input.headers : undefined));
    headers.set(HEADER, token);
    return fetch(input, { ...init, headers });
  };
})();
