/* A still becomes the player that it stands for, once it is clicked. Nobody else's server is asked for anything before. */
document.addEventListener("click", (event) => {
  const still = event.target.closest("a.still");
  if (!still || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  // What the still leads to notes the click, and is not followed.
  fetch(still.href, { redirect: "manual", keepalive: true }).catch(() => {});
  const { player, title, lang } = still.parentNode.dataset;
  const frame = document.createElement("iframe");
  frame.src = player;
  frame.title = title;
  if (lang) frame.lang = lang;
  frame.allow = "autoplay; encrypted-media; fullscreen; picture-in-picture";
  frame.referrerPolicy = "strict-origin-when-cross-origin";
  still.replaceWith(frame);
  frame.focus();
});
