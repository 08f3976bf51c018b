#!/usr/bin/env bash
# native-torch.sh <executable> <folder>
# Makes a .NET executable that runs TorchSharp start where the system's libstdc++ is too old for it: fetches the C and C++ libraries
# of the next Debian or Ubuntu release into <folder>, as any user, and sets them as the executable's loader and library path.
# Nothing on the system changes. Does nothing where the system's library is new enough, and nothing the second time.
# Problems are printed in the form that MSBuild reads as a warning; a build that treats warnings as errors stops there.
set -euo pipefail

executable=$1
folder=$2
needed=GLIBCXX_3.4.32
libraries=usr/lib/x86_64-linux-gnu

cannot() {
    echo "native-torch.sh : warning NATIVETORCH: TorchSharp cannot run here: the system's libstdc++.so.6 has no $needed (GCC 13), and $1"
    exit 0
}

system_is_new_enough() {
    local directory
    local IFS=:
    for directory in ${LD_LIBRARY_PATH:-} /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /usr/lib64 /lib64 /usr/lib /lib; do
        if [ -e "$directory/libstdc++.so.6" ]; then
            grep -aq "$needed" "$directory/libstdc++.so.6"
            return
        fi
    done
    return 1
}

# Prints the release to take the libraries from, for the release this system is.
next_release() {
    case "$1" in
        bullseye | bookworm) echo trixie ;;
        focal | jammy) echo noble ;;
    esac
}

# Downloads and unpacks into $1 the packages named after it, from the system's own apt sources moved from release $2 to release $3.
fetch() {
    local root=$1 from=$2 to=$3 apt source
    shift 3
    apt=$root/apt
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
    for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        if [ -r "$source" ] && grep -Eq "^[^#]*\b$from\b" "$source"; then
            sed -E "s/\b$from\b/$to/g; /^deb-src/d; s/^(Types: *)deb +deb-src/\1deb/" "$source" > "$apt/sources/${source##*/}"
        fi
    done
    # The hooks are cleared because some images empty the system's package cache in them.
    cat > "$apt/apt.conf" <<CONFIGURATION
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "";
APT::Default-Release "";
Acquire::Languages "none";
Acquire::Retries "3";
CONFIGURATION
    # A third party's source may not have the next release: what counts is whether the packages come.
    apt-get -c "$apt/apt.conf" -qq update > "$apt/log" 2>&1 || true
    (cd "$apt/packages" && apt-get -c "$apt/apt.conf" -qq download "${@/%//$to}") >> "$apt/log" 2>&1 || return 1
    local package
    for package in "$apt"/packages/*.deb; do
        dpkg -x "$package" "$root" >> "$apt/log" 2>&1 || return 1
    done
}

system_is_new_enough && exit 0

root=$folder/root
loader=$root/$libraries/ld-linux-x86-64.so.2
if [ -e "$loader" ] && grep -aqF "$loader" "$executable"; then
    exit 0
fi

mkdir -p "$folder"
if [ ! -e "$loader" ]; then
    for tool in apt-get dpkg flock; do
        command -v "$tool" > /dev/null || cannot "'$tool' is not there to fetch it. Install GCC 13's libstdc++ (or newer) by your system's own means, or build on Debian 13, Ubuntu 24.04 or newer."
    done
    codename=$(. /etc/os-release && echo "${UBUNTU_CODENAME:-${VERSION_CODENAME:-}}")
    release=$(next_release "$codename")
    [ -n "$release" ] || cannot "for '${codename:-this system}' no newer release is known to take it from. Install GCC 13's libstdc++ (or newer), or build on Debian 13, Ubuntu 24.04 or newer."

    # Two projects may build at the same time: one fetches, the other waits.
    exec 9> "$folder/lock"
    flock 9
    if [ ! -e "$loader" ]; then
        echo "TorchSharp needs a newer C++ library than this system's: taking that of '$release' into $folder (once, about 15 MB)."
        rm -rf "$root.partial"
        if ! fetch "$root.partial" "$codename" "$release" libc6 libstdc++6 libgcc-s1 patchelf; then
            cp "$root.partial/apt/log" "$folder/log"
            rm -rf "$root.partial"
            cannot "apt could not fetch it from '$release': $(grep -m1 -E '^(W: Failed|E:)' "$folder/log" || echo 'no reason given') (all of it: $folder/log). Check the network and /etc/apt, then build again."
        fi
        rm -rf "$root.partial/apt"
        mv "$root.partial" "$root"
    fi
    flock -u 9
fi

# patchelf is of the newer release too, so it runs on the newer loader. It writes a copy, so that an interrupted build leaves no torn executable.
# --force-rpath: the path must also hold for what libtorch itself loads.
cp -p "$executable" "$executable.native"
"$loader" --library-path "$root/$libraries" "$root/usr/bin/patchelf" \
    --set-interpreter "$loader" --force-rpath --set-rpath "$root/$libraries" "$executable.native"
mv "$executable.native" "$executable"
