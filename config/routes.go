package config

import (
	"fmt"
	"slices"
	"strings"

	"smsbridge/smpp"
)

// badBelow reports whether an option, or one below it, has a problem of its own.
func (d *decoder) badBelow(path string) bool {
	for p := range d.bad {
		if rest, ok := strings.CutPrefix(p, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// routes checks each route by itself and against the others of its number.
func (d *decoder) routes(c *Config) {
	carriers := map[string]int{}
	for i := len(c.Carriers) - 1; i >= 0; i-- {
		carriers[c.Carriers[i].Name] = i
	}
	seen := map[string]string{}
	for i, r := range c.Routes {
		path := fmt.Sprintf("routes[%d]", i)
		if r.Number != "" {
			d.destinations(seen, r, path)
		}
		d.routeCarriers(c, carriers, r, path)
	}
}

// destinations checks that each destination of a number has one route. seen
// holds the path of what earlier routes are for.
func (d *decoder) destinations(seen map[string]string, r Route, path string) {
	for i, to := range r.To {
		d.once(seen, r.Number+" to "+to, fmt.Sprintf("%s.to[%d]", path, i), "a destination that "+r.Number+" has a route for")
	}
	if len(r.To) > 0 || d.bad[path] || d.bad[path+".to"] {
		return
	}
	if first, ok := seen[r.Number]; ok {
		d.problem(path, "is for all destinations, as is the route of %s on line %d: give one of them a to", r.Number, d.given[first].line)
		return
	}
	seen[r.Number] = path
}

// routeCarriers checks that each carrier of a route can carry what it is for.
func (d *decoder) routeCarriers(c *Config, byName map[string]int, r Route, path string) {
	list := path + ".carriers"
	if _, ok := d.given[list]; ok && !d.bad[list] && len(r.Carriers) == 0 {
		d.problem(list, "must have at least one carrier")
	}
	if weights := path + ".weights"; len(r.Weights) > 0 && len(r.Carriers) > 0 && len(r.Weights) != len(r.Carriers) {
		d.problem(weights, "must have one weight for each of the %d carriers, not %d", len(r.Carriers), len(r.Weights))
	}
	seen := map[string]string{}
	for i, name := range r.Carriers {
		at := fmt.Sprintf("%s[%d]", list, i)
		d.once(seen, name, at, "in the list")
		if d.bad[at] {
			continue
		}
		j, ok := byName[name]
		if !ok {
			d.problem(at, "is the name of no carrier%s", didYouMean(name, byName))
			continue
		}
		carrier, its := c.Carriers[j], fmt.Sprintf("carriers[%d]", j)
		switch {
		case r.Number != "" && !slices.Contains(carrier.Numbers, r.Number) && !d.badBelow(its+".numbers"):
			d.problem(at, "does not list %s among its numbers: %s on line %d", r.Number, its, d.given[its].line)
		case !carrier.sends():
			d.problem(at, "cannot send: its bind is receiver, on line %d", d.given[its+".smpp.bind"].line)
		case !overlap(r.To, carrier.AllowTo):
			d.problem(at, "may text none of the route's destinations: see its allow_to on line %d", d.given[its+".allow_to"].line)
		}
	}
}

// sends reports whether a carrier can be handed texts.
func (c Carrier) sends() bool { return c.SMPP == nil || c.SMPP.Bind != smpp.BindReceiver }

// overlap reports whether a number can begin with one of a and one of b, where
// none are all.
func overlap(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return strings.HasPrefix(x, y) || strings.HasPrefix(y, x) })
	})
}

// listing is where a carrier lists a number.
type listing struct {
	carrier Carrier
	path    string
}

// shared checks that a number of several carriers has routes, and that they
// name each carrier that can send: it would never be used otherwise.
func (d *decoder) shared(c *Config) {
	listings := map[string][]listing{}
	var numbers []string
	for i, carrier := range c.Carriers {
		for j, number := range carrier.Numbers {
			path := fmt.Sprintf("carriers[%d].numbers[%d]", i, j)
			if number == "" || d.bad[path] {
				continue
			}
			listings[number] = append(listings[number], listing{carrier, path})
			if len(listings[number]) == 2 {
				numbers = append(numbers, number)
			}
		}
	}
	for _, number := range numbers {
		named, routed, known := d.routed(c, number)
		switch all := listings[number]; {
		case !known:
		case !routed:
			d.unrouted(number, all)
		default:
			for _, l := range all {
				if l.carrier.sends() && !slices.Contains(named, l.carrier.Name) {
					d.problem(l.path, "is shared, but no route of %s names %s: add it to the carriers of one", number, l.carrier.Name)
				}
			}
		}
	}
}

// routed lists the carriers that the routes of a number name, if it has any;
// that is not known where one of them is wrong.
func (d *decoder) routed(c *Config, number string) (named []string, routed, known bool) {
	if d.bad["routes"] {
		return nil, false, false
	}
	for i, r := range c.Routes {
		path := fmt.Sprintf("routes[%d]", i)
		if r.Number != number && r.Number != "" {
			continue
		}
		if r.Number == "" || d.bad[path] || d.badBelow(path+".carriers") {
			return nil, false, false
		}
		named, routed = append(named, r.Carriers...), true
	}
	return named, routed, true
}

// unrouted reports a number that several carriers list, and says what would
// make it right.
func (d *decoder) unrouted(number string, all []listing) {
	var names []string
	clear := true // no name is missing or given twice
	for _, l := range all {
		clear = clear && l.carrier.Name != "" && !slices.Contains(names, l.carrier.Name)
		if l.carrier.sends() {
			names = append(names, l.carrier.Name)
		}
	}
	hint := ""
	if len(names) > 0 && clear {
		hint = fmt.Sprintf("; to share it, write routes: [{number: %q, carriers: [%s]}]", number, strings.Join(names, ", "))
	}
	for _, l := range all[1:] {
		d.problem(l.path, "is already listed as %s: %s on line %d%s", number, all[0].path, d.given[all[0].path].line, hint)
	}
}

// pools checks that each pool is of carriers that there are and that send.
func (d *decoder) pools(c *Config) {
	carriers := map[string]int{}
	for i, carrier := range c.Carriers {
		carriers[carrier.Name] = i
	}
	names := map[string]string{}
	for i, p := range c.Pools {
		path := fmt.Sprintf("pools[%d]", i)
		d.once(names, p.Name, path+".name", "the name of another pool")
		list := path + ".carriers"
		if _, ok := d.given[list]; ok && !d.bad[list] && len(p.Carriers) == 0 {
			d.problem(list, "must have at least one carrier")
		}
		seen := map[string]string{}
		for j, name := range p.Carriers {
			at := fmt.Sprintf("%s[%d]", list, j)
			d.once(seen, name, at, "in the list")
			if d.bad[at] {
				continue
			}
			n, ok := carriers[name]
			switch {
			case !ok:
				d.problem(at, "is the name of no carrier%s", didYouMean(name, carriers))
			case !c.Carriers[n].sends():
				d.problem(at, "cannot send: its bind is receiver, on line %d", d.given[fmt.Sprintf("carriers[%d].smpp.bind", n)].line)
			}
		}
	}
}
