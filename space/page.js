() => {
  document.documentElement.lang = navigator.language.startsWith("fr") ? "fr" : "en";
  const status = document.getElementById("status");
  if (status) status.setAttribute("aria-live", "polite");
}
