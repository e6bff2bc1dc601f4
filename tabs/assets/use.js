// Another tab has chosen a voice for this one.
window.addEventListener("voiceforge-use", (event) => trigger("use", { id: event.detail.id }));
