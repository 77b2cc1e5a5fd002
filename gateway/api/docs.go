package api

import (
	"embed"
	"net/http"
)

// docs is the page that shows the OpenAPI document. It loads nothing from
// elsewhere: gateways often stand where the internet is not.
//
//go:embed docs
var docs embed.FS

func (a *API) serveDocs() {
	// Until there is an inbox, who opens the address in a browser finds this.
	a.mux.Handle("GET /{$}", http.RedirectHandler("/docs", http.StatusFound))
	for path, file := range map[string]string{"/docs": "index.html", "/docs/docs.css": "docs.css", "/docs/docs.js": "docs.js"} {
		a.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
			http.ServeFileFS(w, r, docs, "docs/"+file)
		})
	}
}
