// Why a browser gives no microphone, in sentences that say what helps.
const REASONS = {
  NotAllowedError: "The browser does not let this page use the microphone. Allow it beside the address, then try again.",
  SecurityError: "The browser's settings, or the page this one stands in, forbid the microphone.",
  NotFoundError: "No microphone was found. Plug one in, or choose one in the system's sound settings.",
  NotReadableError: "The microphone is there but cannot be opened. Another program may be using it.",
};

function impossible() {
  if (!window.isSecureContext)
    return "Browsers give the microphone only to https:// pages and to this machine's own address. Open this app "
      + "over HTTPS, or as http://localhost.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser cannot record.";
  return "";
}

const refused = (error) => REASONS[error.name] || `The microphone cannot be used: ${error.message}`;
