"use strict";

// Renders /openapi.json. All of it goes in as text: nothing is parsed as HTML.
function element(name, attributes, ...children) {
  const e = document.createElement(name);
  Object.assign(e, attributes);
  e.append(...children);
  return e;
}

function resolve(doc, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? { name, ...doc.components.schemas[name] } : schema ?? {};
}

function typeOf(doc, schema) {
  const s = resolve(doc, schema);
  if (s.name && s.properties) return s.name;
  if (s.anyOf) return s.anyOf.map((x) => typeOf(doc, x)).join(" or ");
  if (s.enum) return s.enum.map((x) => JSON.stringify(x)).join(" | ");
  const type = [].concat(s.type ?? "any").join(" or ");
  return s.items ? typeOf(doc, s.items) + "[]" : s.format ? `${type} (${s.format})` : type;
}

function rows(doc, title, list) {
  if (list.length === 0) return [];
  const table = element("table", {});
  for (const x of list) {
    table.append(element("tr", {}, element("td", {}, element("code", {}, x.name)), element("td", {}, x.type + (x.required ? "" : ", optional")), element("td", {}, x.text ?? "")));
  }
  return [element("h3", {}, title), table];
}

function fields(doc, title, schema) {
  const s = resolve(doc, schema);
  const list = Object.entries(s.properties ?? {}).map(([name, p]) => ({
    name, type: typeOf(doc, p), text: resolve(doc, p).description, required: (s.required ?? []).includes(name),
  }));
  return rows(doc, title, list);
}

function example(title, media) {
  if (media?.example === undefined) return [];
  const text = typeof media.example === "string" ? media.example : JSON.stringify(media.example, null, 2);
  return [element("h3", {}, title), element("pre", {}, element("code", {}, text))];
}

function route(doc, method, path, op) {
  const details = element("details", { id: op.operationId },
    element("summary", {}, element("span", { className: "method" }, method.toUpperCase()), element("code", {}, path), element("span", {}, op.summary ?? "")));
  if (op.description) details.append(element("p", {}, op.description));
  details.append(...rows(doc, "Parameters", (op.parameters ?? []).map((p) => ({ name: p.name, type: `${typeOf(doc, p.schema)} in ${p.in}`, text: p.description, required: p.required }))));
  const request = Object.values(op.requestBody?.content ?? {})[0];
  details.append(...fields(doc, "Request", request?.schema), ...example("Example of a request", request));
  for (const [status, answer] of Object.entries(op.responses ?? {})) {
    if (status === "default") continue;
    const content = Object.values(answer.content ?? {})[0];
    const s = resolve(doc, content?.schema);
    details.append(...(content ? fields(doc, `${status}: ${s.name ?? answer.description}`, content.schema) : [element("h3", {}, `${status}: no body`)]));
    details.append(...example("Example of an answer", content));
  }
  return details;
}

async function show() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`/openapi.json: ${answer.status}`);
  const doc = await answer.json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      const tag = op.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), route(doc, method, path, op)]);
    }
  }
  document.getElementById("about").append(` ${doc.info.description} Version ${doc.info.version}.`);
  for (const [tag, routes] of groups) document.getElementById("routes").append(element("h2", {}, tag), ...routes);
}

show().catch((error) => document.getElementById("routes").append(element("p", {}, String(error))));
