// The room of receivers: switch them on and off, see what is sent to them, take it all along as a command.
import { word } from "./words.js";

/** Build it into `room`; `ask` sends a message to fmg. Returns { show(state, command), failing(names), sent(look) }. */
export function receiversRoom(room, ask) {
  const rows = new Map();  // name of what runs, or kind of what may → row
  const list = document.createElement("div");
  const command = document.createElement("div");
  command.id = "command";
  command.innerHTML = `<p>${word("command")} <button>${word("copy")}</button></p><pre></pre>`;
  const [copy, text] = [command.querySelector("button"), command.querySelector("pre")];
  copy.onclick = async () => {
    await navigator.clipboard.writeText(text.textContent);
    copy.textContent = word("copied");
    setTimeout(() => { copy.textContent = word("copy"); }, 1500);
  };
  room.replaceChildren(list, command);
  let looked = null;  // name of the receiver whose messages are shown
  setInterval(() => { if (looked && !room.hidden) ask({ look: looked }); }, 500);

  function row(kind, address, name, again = false) {
    const element = document.createElement("div");
    element.className = `receiver${name ? " on" : ""}`;
    element.innerHTML = `<b></b><input type="text" spellcheck="false"><button></button><p class="needs"></p><button>${word("look")}</button><pre hidden></pre>`;
    const [title, input, change, needs, look] = element.children;
    title.textContent = kind;
    input.value = address;
    input.disabled = !!name;
    input.setAttribute("aria-label", word("address", kind));
    look.hidden = !name;
    needs.textContent = again ? "" : word(kind);
    change.textContent = word(name ? "stop" : "start");
    change.onclick = () => ask(name ? { stop: name } : { start: [kind, input.value.trim()] });
    input.onkeydown = (event) => { if (event.key === "Enter" && !name) change.click(); };
    look.onclick = () => {
      looked = looked === name ? null : name;
      for (const [key, other] of rows) other.querySelector("pre").hidden = key !== looked;
      if (looked) ask({ look: looked });
    };
    return element;
  }

  return {
    show(state, line) {
      text.textContent = line;
      command.hidden = !line;
      const wanted = new Map();
      for (const [kind, usual] of Object.entries(state?.kinds ?? {})) {
        const running = state.running.filter((one) => one.kind === kind);
        for (const { name, address } of running) wanted.set(name, [kind, address, name]);
        wanted.set(running.length ? `one more ${kind}` : kind, [kind, usual, "", running.length > 0]);
      }
      if ([...wanted.keys()].join("\n") === [...rows.keys()].join("\n")) return;
      const kept = new Map(rows);
      rows.clear();
      for (const [key, values] of wanted) rows.set(key, kept.get(key) ?? row(...values));
      if (!rows.has(looked)) looked = null;
      list.replaceChildren(...rows.values());
    },
    failing(names) { for (const [key, element] of rows) element.classList.toggle("failing", names.includes(key)); },
    sent({ name, lines }) {
      const element = rows.get(name)?.querySelector("pre");
      if (element && looked === name) element.textContent = lines.join("\n");
    },
  };
}
