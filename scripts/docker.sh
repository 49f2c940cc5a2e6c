# shellcheck shell=bash
# A Docker to run containers with: the one that is there, or else one that is
# installed from Debian, started for this script alone, and stopped with it. It
# brings lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

docker=(docker)      # how to call it, with sudo where that is needed
compose=()           # v2's `docker compose`, or v1's `docker-compose`
docker_is_ours=false # whether we started its daemon
docker_home=         # the private daemon's socket and state, short lived
docker_pid=

# no_docker WHY: ends the script with the status that scripts/test takes for
# "not here". `make` takes it for a failure, as it takes all others.
no_docker() {
    say "compose-test: skipped: $*"
    exit 77
}

# use_docker: sets `docker` and `compose`, or ends the script.
use_docker() {
    trap stop_docker EXIT
    trap 'exit 130' INT TERM HUP
    if ! type -P docker >/dev/null || ! find_compose; then
        can_apt || no_docker "there is no Docker with Compose here, and only root can install Debian's"
        with_lock apt_install docker.io docker-compose ||
            no_docker "Debian's packages of Docker cannot be installed; the reason is above"
    fi
    find_daemon || start_daemon
    find_compose || no_docker "Compose cannot be called as ${docker[*]} compose, nor as docker-compose"
}

find_compose() {
    local prefix=("${docker[@]::${#docker[@]}-1}")
    if "${docker[@]}" compose version >/dev/null 2>&1; then
        compose=("${docker[@]}" compose)
    elif type -P docker-compose >/dev/null; then
        compose=("${prefix[@]}" docker-compose)
    else
        return 1
    fi
}

find_daemon() {
    if docker info >/dev/null 2>&1; then
        return
    fi
    # Its socket may be root's alone.
    docker=(sudo -n docker)
    [ "$(id -u)" != 0 ] && "${docker[@]}" info >/dev/null 2>&1
}

# start_daemon: with a directory of its own under target/, so that it keeps its
# images from one run to the next, and without touching the machine's firewall,
# so that it leaves nothing elsewhere. Containers of one network and published
# ports do without. It ends when this script does, however that ends.
start_daemon() {
    docker=(docker)
    [ "$(id -u)" = 0 ] || no_docker "no Docker daemon answers, and only root can start one"
    type -P dockerd >/dev/null || no_docker "no Docker daemon answers, and there is no dockerd to start"
    # One at a time in a checkout: they would share the directory.
    if command -v flock >/dev/null; then
        exec 8>"$setup_dir/docker.lock"
        flock 8
    fi
    say "docker: starting a daemon of our own"
    # The path of a socket has to be short.
    docker_home=$(mktemp -d /tmp/mcp-docker.XXXXXX)
    export DOCKER_HOST=unix://$docker_home/docker.sock
    setpriv --pdeathsig TERM dockerd --host "$DOCKER_HOST" --data-root "$PWD/target/docker" \
        --exec-root "$docker_home/run" --pidfile "$docker_home/pid" \
        --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        >"$setup_dir/dockerd.log" 2>&1 8>&- &
    docker_pid=$!
    docker_is_ours=true
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if docker info >/dev/null 2>&1; then
            # What a run has left that was killed.
            docker container prune --force >/dev/null
            docker network prune --force >/dev/null
            return
        fi
        kill -0 "$docker_pid" 2>/dev/null || break
        sleep 0.1
    done
    no_docker "dockerd does not start on this machine: $(tail -n 1 "$setup_dir/dockerd.log")"
}

# stop_docker: for the EXIT trap, whose script keeps its status.
stop_docker() {
    if [ -n "$docker_pid" ]; then
        # It ends what it started, and then itself.
        kill "$docker_pid" 2>/dev/null || true
        wait "$docker_pid" || true
    fi
    if [ -n "$docker_home" ]; then
        rm -rf "$docker_home"
    fi
}

# has_image IMAGE: whether it is there, or could be pulled.
has_image() {
    "${docker[@]}" image inspect "$1" >/dev/null 2>&1 && return
    say "docker: pulling $1"
    timeout 600 "${docker[@]}" pull --quiet "$1" >"$setup_dir/docker-pull.log" 2>&1
}
