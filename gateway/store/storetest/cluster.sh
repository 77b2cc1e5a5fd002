# Runs PostgreSQL in the folder $1 until standard input closes, then removes
# the folder. Says "ready" and closes its output once connections are accepted.
set -eu
dir=$1
data=$dir/data

finish() {
	if [ -e "$data/postmaster.pid" ]; then
		pg_ctl --pgdata="$data" --mode=immediate --silent stop || true
	fi
	cd /
	rm -rf "$dir"
}
trap finish EXIT

# English collation, as in most installations: sorting that only works by
# octets, as SQLite and the C locale do it, fails here and not at a user's.
initdb --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 \
	--locale=C --locale-provider=icu --icu-locale=en-US --no-sync >"$dir/initdb.log"
cat >>"$data/postgresql.conf" <<-EOF
	listen_addresses = ''
	unix_socket_directories = '$dir'
	port = 5432
EOF
if ! pg_ctl --pgdata="$data" --log="$dir/log" --silent --timeout=60 start; then
	cat "$dir/log"
	exit 1
fi
echo ready
exec >/dev/null 2>&1

while read -r _; do :; done
