"use strict";
// The page works without this: the switches are radio buttons that report.css reads.

const root = document.documentElement;
const radios = (name) => [...document.querySelectorAll(`input[name="${name}"]`)];
const titles = { en: document.title, ko: document.querySelector("title").dataset.ko };

function choose(name, value) {
  for (const radio of radios(name)) radio.checked = radio.value === value;
}

// The language: the reader's last choice, else the browser's.
function remembered() {
  try {
    return localStorage.getItem("cnnjax-report-language");
  } catch {
    return null; // a browser may forbid storage to local files
  }
}

function speak(language, remember) {
  root.lang = language;
  document.title = titles[language];
  if (!remember) return;
  try {
    localStorage.setItem("cnnjax-report-language", language);
  } catch {
    // as above
  }
}

const first = remembered() ?? (navigator.language.startsWith("ko") ? "ko" : "en");
if (first in titles) {
  choose("language", first);
  speak(first, false);
}
for (const radio of radios("language")) {
  radio.addEventListener("change", () => speak(radio.value, true));
}

// A link to something that the filter hides shows everything again.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.getClientRects().length === 0) {
    choose("show", "all");
    target.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
reveal();

// Paper cannot be unfolded.
const folded = new Set();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    folded.add(details);
  }
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
  folded.clear();
});
