// The tab is fetched when it is opened for the first time, so that the page as a whole does not wait for it.
let opening = null;

async function open() {
  const { html, script, worklet, choices, problem } = await server.chat_page({});
  element.innerHTML = html;
  const offer = new Function("element", "server", "WORKLET", script)(element, server, worklet);
  if (choices) offer(choices);
  element.querySelector(".vf-chat-trouble").textContent = problem;
  element.querySelector(".vf-chat-trouble").hidden = !problem;
}

window.addEventListener("voiceforge-chat", () => {
  opening ??= open().catch((error) => {
    opening = null;
    element.textContent = `This tab could not be opened: ${error.message}`;
  });
});
