# Shared by run-primary and run-replica; sourced.
: "${PGDATA:=/var/lib/postgresql/data}" "${DB_NAME:=leonardo}" "${DB_USER:=leonardo}" "${DB_PASSWORD:?is not set}"
: "${REPLICATION_USER:=replicator}" "${REPLICATION_PASSWORD:=$DB_PASSWORD}" "${NODE_NAME:=${HOSTNAME:-postgres}}"
export PGDATA
PATH=/usr/lib/postgresql/15/bin:$PATH

# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
  install -d -o postgres -g postgres -m 755 /run/postgresql
  install -d -o postgres -g postgres -m 700 "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups env HOME=/var/lib/postgresql "$0" "$@"
fi
umask 077

configure() {
  cat >"$PGDATA/pg_hba.conf" <<H
local   all             all                     trust
host    all             all     127.0.0.1/32    scram-sha-256
host    all             all     10.0.0.0/8      scram-sha-256
host    replication     all     10.0.0.0/8      scram-sha-256
H
  cat >"$PGDATA/lab.conf" <<C
listen_addresses = '*'
port = 5432
unix_socket_directories = '/run/postgresql'
password_encryption = scram-sha-256
shared_buffers = 16MB
max_connections = 60
fsync = ${FSYNC:-off}
synchronous_commit = local
wal_level = replica
max_wal_senders = 8
wal_keep_size = 128MB
hot_standby = on
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_retrieve_retry_interval = 1s
tcp_keepalives_idle = 5
tcp_keepalives_interval = 2
tcp_keepalives_count = 3
max_parallel_workers = 0
autovacuum_max_workers = 1
cluster_name = '$NODE_NAME'
C
  grep -q "^include 'lab.conf'" "$PGDATA/postgresql.conf" || echo "include 'lab.conf'" >>"$PGDATA/postgresql.conf"
}
