# shellcheck shell=bash
# cluster-kills.sh: part of test-cluster.sh: deaths at random moments under supervise.sh.
# What it uses without setting it is that script's.
# shellcheck disable=SC2154
# By itself it only answers --help.
# shellcheck source=launch/environment.sh
declare -F usage >/dev/null || source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# COUNT: run after run, each killed several times, until so many deaths have hit a run on its way.
many_kills() {
    local count=$1 done=0 number=0 start whole
    [ "$count" -gt 0 ] || return 0
    local steps=400 saves=20
    [ -z "$short" ] || steps=160
    "$binary" train "$(run_file unkilled $steps $saves)" 2>"$hosts_folder/log" || { cat "$hosts_folder/log" >&2; return 1; }
    whole=$(bits unkilled)
    declare -gA deaths=([rank]=0 [launcher]=0 [host]=0 [save]=0)
    start=$(now)
    while [ "$done" -lt "$count" ]; do
        number=$((number + 1))
        local wanted=$((count - done < 5 ? count - done : 5))
        local before=$done
        killed_run "$number" "$wanted" "$whole" $steps $saves
        done=$((done + landed))
        # A machine on which no death ever lands must not make this loop for ever.
        [ "$done" -gt "$before" ] || [ "$number" -lt $((count + 5)) ] || break
    done
    row "$([ "$done" -ge "$count" ] && echo ok || echo FAILED)" "$done deaths in $number runs" "$(since "$start")" \
        "rank ${deaths[rank]}, launcher ${deaths[launcher]}, host ${deaths[host]}; during a save ${deaths[save]}"
}

# NUMBER DEATHS BITS STEPS SAVES: one supervised run. Leaves in `landed` how many deaths hit it.
killed_run() {
    local number=$1 wanted=$2 whole=$3 steps=$4 saves=$5
    local name=killed$number file log=$hosts_folder/killed.log start status=0 job k newest=0 lost=''
    landed=0
    file=$(run_file "$name" "$steps" "$saves")
    start=$(now)
    # Deaths may come before a new checkpoint: many tries, short pauses.
    local hosts
    hosts=$(hostfile 1 1 2 3 4)
    at_console "$repository/launch/supervise.sh" --hosts "$hosts" --agent "$agent" --tries 20 --pause 1 \
        "$repository/launch/multinode.sh" --hosts "$hosts" --agent "$agent" --network 10.77.0.0/24 --yield -t 1 \
        "$file" 2>"$log" &
    job=$!
    while [ "$landed" -lt "$wanted" ] && kill -0 "$job" 2>/dev/null; do
        wait_for_death_moment "$name" "$job" "$steps" || break
        kill_something "$name" || continue
        landed=$((landed + 1))
        # A checkpoint that was there stays there.
        local after
        after=$(newest_checkpoint "$name")
        [ "$after" -ge "$newest" ] || lost="checkpoint $newest was lost"
        newest=$after
        sleep 0.3
        for k in 2 3 4; do host_is_up "$k" || host_up "$k"; done
    done
    for _ in $(seq 600); do kill -0 "$job" 2>/dev/null || break; sleep 0.1; done
    if kill -0 "$job" 2>/dev/null; then
        lost='it never ended'
        end_tree "$job"
    fi
    wait "$job" || status=$?
    local expected found
    expected=$(seq "$saves" "$saves" "$steps" | tr '\n' ' ')
    found=$(checkpoints "$name" | tr '\n' ' ')
    [ "$found" = "$expected" ] || lost="${lost:-checkpoints $found}"
    [ -z "$(ranks_left)" ] || lost="${lost:-ranks left running}"
    if [ "$status" = 0 ] && [ "$(bits "$name")" = "$whole" ] && [ -z "$lost" ]; then
        row ok "run $number, killed $landed times" "$(since "$start")" "the same bits, $(grep -c 'supervise.sh: start' "$log") starts"
        rm -rf "${hosts_folder:?}/$name"
    else
        row FAILED "run $number, killed $landed times" "$(since "$start")" "status $status, ${lost:-bits $(bits "$name")}"
        tail -n 20 "$log" >&2
        cp "$log" "$hosts_folder/failed-$number.log"
    fi
}

checkpoints() {
    local folder
    for folder in "$hosts_folder/$1/out"/checkpoint-*; do if [ -d "$folder" ]; then echo "${folder##*-}"; fi; done | sort -n
}

steps_taken() { wc -l <"$hosts_folder/$1/out/metrics.jsonl" 2>/dev/null || echo 0; }

newest_checkpoint() { checkpoints "$1" | tail -n 1 | grep . || echo 0; }

ranks_left() {
    local k
    for k in 1 2 3 4; do ranks_on "$k" "$binary"; done
}

# Ends a process with all that it started.
end_tree() {
    local child
    for child in $(pgrep -P "$1"); do end_tree "$child"; done
    kill -KILL "$1" 2>/dev/null || true
}

# A random moment of a run that is on its way: one in three while a checkpoint is being written, one in six while it starts,
# else a random step. Steps, not seconds: a fast machine would be done before.
wait_for_death_moment() {
    local name=$1 job=$2 steps=$3 out=$hosts_folder/$1/out moment=$((RANDOM % 6)) taken target
    in_save=''
    for _ in $(seq 3000); do
        kill -0 "$job" 2>/dev/null || return 1
        [ -z "$(ranks_left)" ] || break
        sleep 0.02
    done
    if [ "$moment" -lt 2 ]; then
        # It is there for a moment only: looked for as often as the shell can.
        for _ in $(seq 20000); do
            if compgen -G "$out/.partial-*" >/dev/null; then
                in_save=1
                return 0
            fi
            kill -0 "$job" 2>/dev/null || return 1
        done
        return 0
    fi
    if [ "$moment" = 2 ]; then
        sleep "0.$((RANDOM % 5))"
    else
        taken=$(steps_taken "$name")
        # Not the last of them: between the look and the death some are taken.
        target=$((taken + 1 + RANDOM % (steps * 3 / 4 > taken ? steps * 3 / 4 - taken : 1)))
        while [ "$(steps_taken "$name")" -lt "$target" ] && kill -0 "$job" 2>/dev/null; do sleep 0.01; done
    fi
    kill -0 "$job" 2>/dev/null
}

# Kills a rank, the launcher or a host, if there is one to kill.
kill_something() {
    local name=$1 victim kind
    kind=$((RANDOM % 3))
    # Between finding and killing nothing slow may happen when a save is going on.
    case $kind in
        0)
            mapfile -t all < <(ranks_left)
            [ ${#all[@]} -gt 0 ] || return 1
            if [ -n "$in_save" ]; then victim=${all[0]}; else victim=${all[$((RANDOM % ${#all[@]}))]}; fi
            kill -KILL "$victim" 2>/dev/null || return 1
            kind=rank ;;
        1)
            victim=$(pgrep -f "^mpirun --hostfile $hosts_folder|^mpirun --hostfile /tmp/.*$hosts_folder" | head -n 1)
            [ -n "$victim" ] || return 1
            kill -KILL "$victim" 2>/dev/null || return 1
            kind=launcher ;;
        2)
            [ -n "$(ranks_left)" ] || return 1
            host_kill $((2 + RANDOM % 3))
            kind=host ;;
    esac
    deaths[$kind]=$((deaths[$kind] + 1))
    if [ -n "$in_save" ]; then deaths[save]=$((deaths[save] + 1)); fi
}
