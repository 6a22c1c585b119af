//! The programs that can run code or other programs, by name and family. How a name is looked up
//! here is in `command`.
//!
//! To add a program, put its name into the list of its family, in alphabetical order: in lower case,
//! without `.exe`, without a version and without a target before it. Names contain no dot: a name is
//! also looked up without what follows its first dot.

use super::command::Family;

/// The words of a text as a slice. They are separated by one space.
macro_rules! words {
    ($text:literal) => {{
        const WORDS: [&str; count_words($text)] = split_words($text);
        &WORDS
    }};
}

const fn count_words(text: &str) -> usize {
    let (mut rest, mut words) = (text.as_bytes(), 1);
    while let [byte, after @ ..] = rest {
        words += (*byte == b' ') as usize;
        rest = after;
    }
    words
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which reports an index that is out of bounds"
)]
const fn split_words<const N: usize>(mut text: &'static str) -> [&'static str; N] {
    let mut words = [""; N];
    let mut number = 0;
    while number < N {
        let bytes = text.as_bytes();
        let mut end = 0;
        while end < bytes.len() && bytes[end] != b' ' {
            end += 1;
        }
        words[number] = text.split_at(end).0;
        text = text
            .split_at(if end < bytes.len() { end + 1 } else { end })
            .1;
        number += 1;
    }
    words
}

/// The programs of one family.
pub(super) struct Programs {
    pub(super) family: Family,
    /// Sorted.
    pub(super) names: &'static [&'static str],
    /// Every program whose name begins with one of these belongs to the family.
    pub(super) prefixes: &'static [&'static str],
}

/// Every family, each once.
pub(super) const TABLE: &[Programs] = &[
    Programs {
        family: Family::Shell,
        names: SHELLS,
        prefixes: &[],
    },
    Programs {
        family: Family::Interpreter,
        names: INTERPRETERS,
        prefixes: words!("ocaml perl- php- python-argcomplete- swift-"),
    },
    Programs {
        family: Family::Launcher,
        names: LAUNCHERS,
        prefixes: words!(
            "abrt- arptables- ebtables- google-chrome- gpg- gst- ip6tables- iptables- ld- s6- xdg- \
            xtables-"
        ),
    },
    Programs {
        family: Family::Editor,
        names: EDITORS,
        prefixes: words!("emacs- vim-"),
    },
    Programs {
        family: Family::Debugger,
        names: DEBUGGERS,
        prefixes: words!("gdb- valgrind-"),
    },
    Programs {
        family: Family::BuildTool,
        names: BUILD_TOOLS,
        prefixes: words!("cargo- clang- dh_ gcc- git- hg- llvm- svn"),
    },
    Programs {
        family: Family::PackageManager,
        names: PACKAGE_MANAGERS,
        prefixes: words!("apt- cpan- dpkg- nix- npm- rpm- snap-"),
    },
    Programs {
        family: Family::System,
        names: SYSTEM,
        prefixes: words!(
            "ansible- bacula- bareos- busybox containerd- docker- dockerd- kubectl- lxc- podman- \
            puppet- qemu- salt- toybox virt- vmware-"
        ),
    },
    Programs {
        family: Family::Remote,
        names: REMOTES,
        prefixes: words!("qmail- sa- sieve- ssh-"),
    },
    Programs {
        family: Family::Database,
        names: DATABASES,
        prefixes: words!("mariadb- mysql"),
    },
    Programs {
        family: Family::Archiver,
        names: ARCHIVERS,
        prefixes: &[],
    },
    Programs {
        family: Family::Writer,
        names: WRITERS,
        prefixes: words!("lwp- mkfs-"),
    },
];

/// Command interpreters and login shells.
const SHELLS: &[&str] = words!(
    "ash bash brush bsh cmd csh dash elvish es fish fizsh git-shell hush jsh ksh ksh93u+m lksh \
    loksh lsh lshell mksh msh murex nu nushell oil oksh osh pdksh pksh posh powershell pwsh rbash \
    rc rksh rssh rzsh sash scsh sh smrsh tcsh xonsh yash ysh zsh"
);

/// Runtimes of languages, stream editors and typesetters: they execute their input.
const INTERPRETERS: &[&str] = words!(
    "a2ping a68g abcl algol68g ansible-console apl app_process appletviewer asy autoit automator \
    avian awk axiom basic bb bc beam bigloo blassic bprolog bpython brandy bun bwbasic bwk cacao \
    calc ccl chaiscript chez chezscheme chibi-scheme chicken cint clisp clj clojure cmucl context \
    coqc coqide coqtop crystal cscript csharp csi csvpy csvsql ct_run cython d8 dalvikvm dart \
    dartaotruntime dbase dc deno dialyzer dotnet dvipdf dvipdfm dvipdfmx dvips dyalog ecl ecpp \
    elixir eps2eps epstopdf eqn erb erl erlexec escript euphoria expect expectk f2py factor falcon \
    fbc fennel ficl fmtutil forth freebasic freemat fricas fsc fsharpi fsi fx gambas3 gambit gap \
    gauche gbr3 gbs3 gbx3 gcj gcl genie ghci ghostscript giac gij ginsh gjs gjs-console gnuapl \
    gnuplot goawk gomacro gore gosh gp gprolog graaljs graalpy gravity gri groff grog groovy \
    groovyconsole groovysh gs gsc gsi gsnd gst gsx gtbl guile gvpr harbour harec hbrun hhvm hsc2hs \
    hugs hy hylang hypnotoad icon iconx idle idris iex igawk ikarus ilasm instantfpc io ipdb \
    ipython irb ironpython isabelle iwasm jamvm janet jaotc java javaw javaws jbang jconsole jexec \
    jimsh jjs jruby jrunscript js jsc jshell json_pp julia jupyter jupyter-console jupyter-lab \
    jupyter-notebook jupyter-run jython kaffe kawa kotlin kotlinc ksi ksshell lake larceny latex \
    latexmk lci lean lfe libnetcfg lisp littler lli lli-child-target llvm-jitlink llvm-rtdyld lout \
    love lua luajit lualatex luatex luau m4 macaulay2 magma makeinfo maple marimo mathematica \
    mathics mathkernel matlab mawk maxima mcs metapost mf mf-nowin mft micropython miller miniruby \
    minised mint mit-scheme mkcl mlr mono moonc morbo mozjs mpost mruby mshta mtxrun nawk neko \
    neqn newlisp ngn nickle nimscript nirun njs node node-gyp nodejs nroff nu_plugin octave \
    octave-cli ol openresty optscript orc original-awk osascript parrot pd pdf2ps pdfetex pdflatex \
    pdftex perl petite pf2afm pfbtopfa pharo php phpdbg pic picolisp pike pil plackup ploticus pry \
    ps2ascii ps2pdf ps2ps ptpython py py3compile pydoc pygmentize pypy python pythonw pyw qjs qjsc \
    qml qmlscene quarto quickjs r racket racket-cs raco raku rakudo rdmd rdoc rebol reduce regina \
    reglet regsvr32 resty rexx rhino ri rlwrap ros roswell rscript ruby run_erl rundll32 runghc \
    runhaskell runhugs sage sbcl scala scala-cli scalac scheme scilab scilab-cli sdlbasic sed sile \
    sips sisc sli slsh smalltalk spidermonkey sq squeak squirrel ssed stalin starman steel \
    swi-prolog swift swipl tarantoolctl tclkit tclsh tex texi2any texi2dvi texi2pdf texlua \
    texluajit tinygo tjs tkcon tollgate tpage troff truffleruby ts-node tsx ttree txr unicon v \
    vala vbc vd visidata wamrc wasm3 wasmedge wasmer wasmi wasmi_cli wasmtime wat2wasm-run wazero \
    wish wolfram wolframscript wren wscript xbasic xcas xdvi xelatex xetex xidel xindy xlisp xsb \
    yabasic yacas yaegi yap"
);

/// Programs that start a program or load code that their arguments, settings or input name.
const LAUNCHERS: &[&str] = words!(
    "a2ps aa-exec abduco ack ack-grep acpid acr ag agetty aider alacritty am animate aoss aplay \
    appimagelauncher apply apport-cli apprun arch arch-chroot arecord arptables artsdsp asuser \
    at-spi-bus-launcher aterm atop augtool awesome aws-vault background backtick bbsuid bee beesu \
    bemenu berglas bfs bitsadmin blender blkdeactivate box64 box86 browsh bspwm btop bts \
    bubblewrap builtin busctl bwrap byobu c_rehash caffeinate calendar calife capsh catatonit \
    catchsegv cdist certbot certtool certutil cgclassify cgexec cgiwrap chamber chat check_by_ssh \
    check_ssl_cert chezmoi choom chpst chromium chromium-browser chronic chroot chrt chuck claude \
    clush cmstp cmsutil cmus codex command compose composite conda-run confd conhost conjure conky \
    conspy consul-template contour convert cool-retro-term coresched coreutils coverage cowsay \
    cowthink cpulimit cpuset crlutil cryptsetup csound cssh csvtool cupsfilter cvlc daemon \
    daemonize daemontools datefudge dbus-daemon dbus-launch dbus-run-session dbus-send \
    dbus-update-activation-environment dconf dcop debconf debconf-apt-progress debconf-communicate \
    debconf-show deepin-terminal dillo direnv display dkms dmenu_run doas dolphin doppler dosbox \
    dotenv dotlockfile dsh dstat dtach dumb-init dunst dwm dzdo e2scrub e2scrub_all easyrsa \
    eatmydata eb ebtables elinks emptyenv emulate enosys enscript entr env envchain envconsul \
    envdir envfile envuidgid eterm eval evmctl exec exec-program execlineb exiftool exo-open \
    facter fakechroot faked fakeroot fakeroot-ng fakeroot-sysv fakeroot-tcp faketime fastfetch \
    fcgiwrap fd fdfind fdmove feh ferm festival ffplay ffprobe find firecfg firefox firejail \
    flatpak-run flatpak-spawn flock fluxbox foot footclient foreach foreground forever forfiles \
    forx fsadm fsck fstab-decode fusermount fuzzel fzf gameconqueror gamemoderun gapplication \
    gchcon gconftool gdbus gdk-pixbuf-query-loaders gdm3 gemini getty ghostty gimp gio \
    gio-querymodules gksu gksudo glances gm gmrun gnome-open gnome-terminal gnome-www-browser \
    gnutls-cli gnutls-serv google-chrome goose gopass gosu gpg gpgconf gpgsm gpgtar grc gsettings \
    gtester gtk-query-immodules guake gum gv gvfs-open gxpc hanterm herbstluftwm highlight htop \
    httrack hyperfine i3 i3-msg i386 i3bar i3blocks i3status i486 i586 i686 identify ifelse ifne \
    iftop import importas imv incrontab infisical inkscape inotifyrun installutil ionice ip \
    ip6tables ipsvd iptables isolate jtag k5start kde-open kdesu kdesudo kdialog keyctl kfmclient \
    kgx kinit kitty koi8rxterm konsole krenew ksu kterm landrun launchctl lckdo ldd lddlibc4 lf \
    libc libreoffice lightdm limits linker links linux32 linux64 lnav loadkeys localc lockf login \
    logrotate logsave logwatch logwrapper lowriter luit lutris lvm lvmconfig lxterm lxterminal \
    lynx magick make-ssl-cert mangohud mate-terminal mc mcdiff mcview mdadm mdev mdmon \
    midnight-commander mimeopen minijail0 mispipe mlterm mocp modutil mogrify monit mono-sgen \
    montage mount mplayer mpv mrxvt msgexec msgfilter msiexec multitail multitime mussh nautilus \
    ncdu ncmpcpp needrestart neofetch neovide newgrp newuidmap nice nnn nocache nohang nohup nosh \
    not nq nsenter nsjail numactl numad nxterm odbcconf oowriter op open openbox openbox-session \
    opencode opendoas openrc-run openssl openvpn openvt optirun osslsigncode p11-kit p11tool padsp \
    pam_namespace_helper pandoc parallel parsort pass passmenu pasta pbrun pcmanfm pdsh pee \
    perlbug perlthanks pexec pexecutor pfexec pidproxy pidstat pipesz pk12util pkcs11-tool pkexec \
    play playonlinux plymouth pod2usage poff polybar pon ponysay powertop ppc pppoe ppss pptp \
    prime-run primusrun priv prlimit prll proot protect proton proxychains pt pterm ptyxis \
    pulseaudio pure-data qdbus qdbusviewer qterminal qutebrowser ranger rctl really rec redirfd \
    regasm regsvcs remind reptyr retroarch rg rio ripgrep rofi rootlesskit rosetta rtorrent run-as \
    run-crons run-mailcap run-one run-one-constantly run-parts run0 runas runcon runit runlike \
    runparts runscript runsv runsvdir runuser rush rxvt rxvt-unicode sakura saml2aws sandbox \
    sandbox-exec savelog sbsign scanmem scdaemon schroot sclang screen screenfetch scribus script \
    scriptlive scriptreplay scrot scsynth sddm select-default-wordlist selfserv sem \
    sensible-browser sesu setarch setfib setlock setpgid setpriv setsid setuidgid setuser sg \
    shlock shorewall shortcuts shtool sift signtool signver sk slattach smartd soffice softlimit \
    sonic-pi sops sort soxi sparc spawn spawn-fcgi split sslserver st stap stapio staprun \
    start-stop-daemon startkde startx startxfce4 stdbuf steam steamcmd strsclnt su su-exec sudo \
    sudoedit sudoreplay suexec sulogin super supercollider supervise supervisorctl supervisord \
    surf sux svscan swatch swatchdog sway swaymsg swhkd switch_root sxhkd sxiv symkeyutil \
    systemd-cat systemd-pty-forward systemd-socket-proxyd task taskset taskspooler taskwarrior tc \
    tcpclient tcpserver tcpsvd teller terminator terminology termit thunar tig tilda tilix time \
    timedatex timelimit timeout timew timewarrior timidity tini tlmgr tmate tmux tmuxinator top \
    torify torsocks trickle ts tsocks tsp tstclnt ttyplay ttyrec tuned-adm turbostat ucf uclampset \
    udevadm udevd udpsvd ugrep umount umu-run uname26 unbuffer unoconv unshare update-binfmts \
    update-ca-certificates upx urxvt urxvtc urxvtd userv uxterm varlinkctl vault vfychain vfyserv \
    vgimportclone vidir vifm vipe vlc vlock vmtoolsd volatility w3m watch watchdog watchexec \
    watchman waybar weston wezterm wezterm-gui wine wineboot winecfg wineconsole winedbg \
    winetricks winpty with-contenv wmic wofi wvdial www-browser x-terminal-emulator x-www-browser \
    x86_64 xapply xargs xauth xautolock xbindkeys xdm xdotool xe xfce4-session xfce4-terminal \
    xinit xjobs xl2tpd xmobar xmonad xorg xpad xrdb xsecurelock xss-lock xterm xvfb-run xvnc-run \
    xvt yad yadm yakuake yelp zathura zellij zenity zrun zutty"
);

/// Editors, pagers and viewers with a command that starts a program.
const EDITORS: &[&str] = words!(
    "acme ae aee amp aspell atom bashbug bat batcat bvi bzless bzmore catman code code-insiders \
    codium cream cscope cscope-indexer delta diakonos dte e3 easyedit ed edbrowse editor ee emacs \
    emacsclient eview evim ex fte geany gedit gex gnome-text-editor helix hunspell hx info ispell \
    jed jmacs joe joeweb jove jpico jstar jupp kak kakoune kate kilo kwrite leafpad less lessfile \
    lesskey lesspipe levee lv lz4less lzless lzmore man mandb mate mcedit mg micro mle moar moor \
    more most mousepad nano ne nedit neovim netrik nmh-edit notepad nvi nvim nvimdiff nvimpager ov \
    pager perldoc pg pg_conftool pico pinfo pluma qe red retawq rgview rgvim rnano rpico rvi rview \
    rvim sandy select-editor sensible-editor sensible-pager spacemacs subl sublime sublime_text \
    sxpager tasksh ted textadept textedit textmate tilde uemacs vi view vigr vile vim vimdiff \
    vimpager vimtutor vimx viper vipw vis visudo w3mman wily xed xemacs xi xjed xless xmore xzless \
    xzmore yi zed zile zless zmore zstdless"
);

/// Debuggers, tracers and profilers: they start or change a process.
const DEBUGGERS: &[&str] = words!(
    "angr apitrace arthas async-profiler austin bashdb bcc binaryninja bpftool bpftrace byebug \
    callgrind_control cdb cgdb coredumpctl crash criu cutter ddd delve dlv drgn dtrace dtruss edb \
    execsnoop frida frida-trace ftrace gcore gdb gdbserver gdbtui gef ghidra google-pprof \
    gp-archive gp-collect-app gp-display-html gp-display-src gp-display-text gprofng heaptrack \
    heaptrack_gui hopper hotspot iaito ida idat insight instruments jcmd jdb jeprof jhsdb jinfo \
    jmap jmc jprofiler jstack jstat jstatd jvisualvm kcov kdb kdbg kgdb ktrace ldb leaks lldb \
    lldb-dap lldb-mi lldb-server lldb-vscode ltrace lttng mdb memusage memusagestat mtrace ndb \
    nemiver ollydbg pdb peekfd perf perf-exec perldb pprof pstack pwndbg py-spy pyflame pystack r2 \
    r2agent r2pm rabin2 radare2 radiff2 rafind2 ragg2 rahash2 rarun2 rasign2 rasm2 rax2 rbspy \
    rizin rr rust-gdb rust-gdbgui rust-lldb rust-windbg rz-asm rz-bin sample scalene sotruss sprof \
    stapsh strace strace-log-merge sysdig sysprof sysprof-cli systemtap trace-cmd tracee truss \
    tusc uftrace valgrind vgdb visualvm vmmap wdb windbg x64dbg xtrace"
);

/// Compilers, linkers, build tools, test runners and version control.
const BUILD_TOOLS: &[&str] = words!(
    "a2x aapt aclocal afl-clang afl-fuzz afl-gcc afl-showmap agda airflow alex analyze-build anchor \
    ant anvil apxs ar artillery artisan as asciidoc asciidoctor autoconf autoheader autom4te \
    automake autopoint autoreconf autoscan autoupdate ava avocado b2 babel bats bazel bazelisk \
    bear behave bindgen bison bjam bloop bmake boot bower brakeman browserify brz bsc buck buf \
    bugpoint buildbot buildbot-worker busted byacc bzr c++ c89 c89-gcc c99 c99-gcc cabal \
    cabal-install cap capistrano capnp cargo carton cbindgen cc cc1plus ccache ccls ccmake cgo chg \
    clang clang++ clangd cling clippy-driver cmake cmake-gui cobc codecept codesign coffee \
    configure cordova cpack cpm cpp cppcheck create-react-app csc ctags ctags-universal ctest \
    cucumber cvs cvsd cwltool cxx cypress cythonize d-shlibmove darcs dbt debuild dejagnu dh diet \
    distcc dlltool dmd doxygen drone drupal drush dsymutil dub dune dvc dwp dzil ebuild ecj ecpg \
    elc electron eleventy elixirc elm ember enc2xs erlc erubis esbuild eslint etags etckeeper expo \
    exuberant-ctags f77 f90 f95 fab fabric fakemake fasm flake8 flang flex flit fly fop forge \
    fossil foundry fpc fpcmake fsharpc g++ g77 g95 gatsby gbp gcc gccgo gccrs gdc gerrit gfortran \
    gh ghc ghc-pkg ghdl git gitea gitk gitlab-runner gitolite gitolite-shell gitui glab gleam \
    global gn gnat gnatbind gnatlink gnatmake gnatprove gnumake go gofrontend gogs gold gopls got \
    gotestsum gprbuild gradle gradlew grunt gtags guard gulp gyp h2xs happy hardhat hatch help2man \
    hexo hg hpack hub hugo icc icecc icpc icx ifort ifx imake include-what-you-use intercept-build \
    invoke ionic iverilog ivy iwyu jam jarsigner javac javadoc javah javap jdeprscan jdeps jdtls \
    jekyll jest jfr jimage jj jlink jmeter jmod jpackage jps just k6 karma kbuild keytool kitchen \
    klcc laravel lazbuild lazygit lcc ld ldc ldconfig ldmd2 lein leiningen lerna lex libtool \
    libtoolize llc lld lld-link locust lto-dump lto1 luigi mage magento make \
    make-first-existing-target makepp maven mcpp meson metals middleman mill mingw32-make minil \
    mix mkdocs mocha mold monotone moon mpic++ mpicc mpicxx mpiexec mpif77 mpif90 mpirun msbuild \
    mtn musl-gcc mvn mvndebug mvnw mvnyjp mxmlc mypy nanoc nant nasm native-image ncc ncu newman \
    next nextflow ng nightwatch nim nimble ninja ninja-build nm nmake nose2 nosetests nox nuget \
    nuitka nunit-console nuxt nvcc nx nyc objcopy ocamlbuild ocamlc ocamlfind ocamlopt odin omake \
    opt orterun p4 papermill parcel pcc pdm perlcritic pex phan phpcbf phpcs phpize phpstan \
    phpunit pijul pkgdata playwright please pmake ppcx64 pre-commit prefect premake4 premake5 \
    prettier pristine-tar protoc protractor prove prun psake psalm puppeteer py2dsc pyinstaller \
    pylint pylsp pyright pytest pyximport qbs qmake quilt rackup rake ranlib rcs react-native \
    rebar redo remake rmiregistry robot rollup rpcgen rspec rubocop run-clang-tidy runtest \
    rust-analyzer rust-script rustc rustdoc rvc samu sapling sbt sc scalar scan-build sccache \
    scons serialver shake shiv sl smake snakemake snowpack sphinx-build stack stestr stg streamlit \
    strip stylelint swc swiftc symfony tcc tea tekton testcafe testr thor tinycc tla tox truffle \
    tsc tslint tsserver tup turbo twist twistd valac verilator vite vitest vue vvp waf wafadmin \
    wdio webpack windmc windres wmake wp xbuild xcode-select xcodebuild xcrun xctest xmake xmkmf \
    xmlto xsubpp yacc yaml2obj yard yasm yeoman yo yosys zig zigcc"
);

/// Package managers: packages contain scripts.
const PACKAGE_MANAGERS: &[&str] = words!(
    "abuild abump activate-global-python-argcomplete add-apt-repository alien alternatives apk \
    appimagetool appstreamcli apt aptd aptdcon aptitude asdf autopkgtest brew bundle bundler bunx \
    cargo-binstall carthage cdebootstrap choco chruby composer conan conda conda-env corepack \
    cowbuilder cpan cpanm cpanp deb-get deb-systemd-helper deb-systemd-invoke \
    debconf-set-selections debget debootstrap debsign dget dispatch-conf dnf do-release-upgrade \
    dpkg dput dselect easy_install emerge eopkg equo etc-update fedpkg fink flatpak fnm \
    freebsd-update fwupdmgr gdebi gem ghcup guix guix-daemon hatchling hex homebrew installer \
    installp installpkg instmodsh ipkg kpt layman lintian luarocks makepkg mamba mas maturin \
    microdnf micromamba mise mmdebstrap mock mops multistrap n nala nix nixos-rebuild nodenv npm \
    npx nvm opam opkg osc pacapt packagekitd pacman paru pbuilder pear pecl pip pip-compile \
    pip-sync pipenv pipx piuparts pkcon pkg pkg_add pkg_create pkg_delete pkgadd pkgin pkgng \
    pkgtool pnpm pnpx poetry port portageq portsnap portupgrade pyenv pyvenv quickpkg rbenv \
    removepkg rpm rpmbuild rpmdb rpmkeys rpmquery rpmsign rpmspec rpmverify rtx rustup rvm sbuild \
    scoop sdk slackpkg slapt-get smart snap snapctl snapd softwareupdate sorcery spack swupd \
    synaptic tasksel tazpkg tdnf twine ubuntu-drivers unattended-upgrade unattended-upgrades \
    update-alternatives update-java-alternatives upgradepkg urpme urpmi urpmq uscan uv uvx vcpkg \
    virtualenv volta wajig winget xbps-install xbps-reconfigure xbps-remove xbps-src yarn yarnpkg \
    yast yay yum yumdownloader zypper"
);

/// Init systems, services, schedulers, containers, virtual machines and clouds.
const SYSTEM: &[&str] = words!(
    "addgroup adduser amdump anacron ansible anthoscli apache2 apache2ctl apachectl apptainer argo \
    argocd at atd auditctl auditd automount aws az bastille batch bectl bhyve bird bluepill \
    bootctl bq bsub buildah buildctl buildkitd caddy celery ceph cf-agent cfagent chage charon \
    chef chef-client chef-solo chfn chgpasswd chkconfig chpass chpasswd chsh circusd clamd \
    cloud-hypervisor cloud-init cockpit-bridge colima collectd condor_run condor_submit conmon \
    connmanctl consul containerd corosync cosign crane cri-o crictl crio crm crmsh cron crond \
    crontab crosvm crun csync2 ctdb ctr cups-browsed cupsctl cupsd daphne dcron debugfs defaults \
    delgroup deluser depmod dev_appserver devd dhclient dhclient-script dhcp6c dhcpcd dirvish \
    distrobox dive django-admin dmeventd dmsetup dnsdist dnsmasq docker dockerd dracut drbdadm \
    dscl eksctl enter-chroot exabgp ezjail-admin faillog fcron fcrondyn fcronsighup fcrontab \
    filebeat finch finit firecracker flask fleetctl fluent-bit fluentd flux foomatic-rip foreman \
    freshclam frr gcloud glusterd gnome-session god gpasswd groupadd groupdel groupmems groupmod \
    grpck grpconv grpunconv grub-install grub-mkconfig gsutil guestfish guestmount gunicorn gvisor \
    halt haproxy helm helmfile herd heroku homectl honcho hostapd hostnamectl httpd hypercorn \
    hyperkit icinga2 ifdown ifplugd ifquery ifup img importctl incus incusd inetd inetutils-inetd \
    init initctl insmod insserv invoke-rc iocage ipsec iscsiadm istioctl jail jailer jenkins \
    jenkins-cli jobber journalctl k0s k3d k3s k3s-agent k9s kaniko kapp kata-runtime keepalived \
    kexec kind klogd kmod kmscon knife kops kubeadm kubectl kubectx kubelet kubens kustomize kvm \
    kvmtool lastlog launchd lighttpd lima limactl linkerd lkvm localectl loginctl logstash lpadmin \
    lsyncd lxc lxd lxd-user machinectl microk8s mini-httpd minikube mkhomedir_helper mkinitcpio \
    mkinitramfs modprobe monitorix multipass multipassd multipathd munin-node munin-run nagios \
    named nerdctl netdata netplan networkctl networkmanager newusers nginx nixos-container nmbd \
    nmcli nmtui nodemon nomad nrpe oc okteto openconnect openrc openshift osqueryd osqueryi \
    ovs-vsctl ovs-vswitchd packer pam-auth-update passenger passwd pcs pct pdns_control \
    pdns_server pdnsutil pivot_root pm2 podman policy-rc portablectl poweroff pppd pulumi puma \
    puppet pvesh pw pwck pwconv pwunconv qm qsub quadlet quagga rados rails rancher rbd rc-service \
    rc-status rc-update reboot resolvconf resolvectl resque rkt rmmod rootless rsyslogd runc \
    runit-init runsc salloc salt saltstack sbase-box sbatch schtasks service servicectl shepherd \
    shutdown sidekiq singularity sinit skaffold skopeo slapd slurm smbd snapfuse snmpd snmptrapd \
    squid srun stern strongswan supervisor sv svc svcadm svccfg swanctl sysctl syslog-ng syslogd \
    sysrc systemctl systemd systemd-analyze systemd-ask-password systemd-binfmt systemd-cgls \
    systemd-cgtop systemd-confext systemd-creds systemd-cryptenroll systemd-cryptsetup \
    systemd-delta systemd-dissect systemd-executor systemd-firstboot systemd-inhibit \
    systemd-journald systemd-logind systemd-machine-id-setup systemd-modules-load systemd-mount \
    systemd-networkd systemd-notify systemd-nspawn systemd-repart systemd-resolve systemd-run \
    systemd-socket-activate systemd-stdio-bridge systemd-sysctl systemd-sysext systemd-sysusers \
    systemd-tmpfiles systemd-tty-ask-password-agent systemd-udevd systemd-umount systemd-vmspawn \
    sysv-rc-conf talosctl targetcli tcpd telegraf telinit terraform terragrunt thttpd tilt \
    timedatectl tofu toolbox toolbx ubase-box udevil udhcpc udhcpd ukify uml umoci unbound unicorn \
    update-grub update-initramfs update-rc upstart useradd userdbctl userdel usermod uvicorn uwsgi \
    uwsgi-core vagrant varnishd varnishncsa vboxheadless vboxmanage vector virsh virtctl \
    virtualbox vmplayer vmrun vmware vpnc vtysh vzctl waitress-serve wg-quick wpa_cli \
    wpa_supplicant wsl xinetd xl xm youki ytt zabbix_agent2 zabbix_agentd"
);

/// Network programs that start other programs, servers, and mail programs.
const REMOTES: &[&str] = words!(
    "aerc alot alpine amavisd asterisk autossh balsa bettercap bitchx bsd-mailx bsmtp chisel \
    claws-mail cloudflared courier cryptcat cu dbclient deliverquota dirmngr doveadm doveconf \
    dovecot dovecot-lda dropbear dropbearmulti dsniff dumpcap esmtp et eternalterminal ettercap \
    evolution exim fail2ban-client fail2ban-server fdm fetchmail formail frpc ftp ftp-ssl fwknop \
    getmail git-remote gotty headscale heirloom-mailx hping3 hydra imapfilter imapsync \
    inetutils-ftp inetutils-telnet internal-sftp irssi isync kermit knockd krsh lftp lockfile mail \
    maildrop mailq mailto mailutils mailx mbsync metasend metasploit minicom mitmdump mitmproxy \
    mitmweb mosh mosh-client mosh-server mosquitto mpop msfconsole msfvenom msmtp mutt muttng nail \
    nc ncat ncftp ncftpget ncftpput ncrack nebula neomutt netcat netkit-ftp newaliases newsbeuter \
    newsboat ngrok nikto nmap notmuch nullmailer-inject offlineimap opendkim opensmtpd picocom \
    pine plink postalias postconf postfix postmap postqueue postsuper procmail pscp psftp pssh \
    putty pwncat rawshark rclone rcp rdist redir reformail remsh rexec rinetd rlogin rrsync rsh \
    rsh-redone-rsh rspamadm rspamd rsync rsync-ssl s-nail s3cmd scapy scp sendemail sendmail \
    sendxmpp sftp sftp-server shellinabox shellinaboxd slogin slrn smbclient smtpctl socat \
    spamassassin spamc spamd sqlmap ssh sshd sshd-session sshfs sshpass sshuttle sslh ssmtp \
    stunnel sup swaks sylpheed tailscale tailscaled tbot tcpdump tctl teleport telnet telnet-ssl \
    telnetd tftp thunderbird tin tinyssh tor trn tsh tshark ttyd unison uucico uucp uux uuxqt \
    vacation websocat weechat weechat-curses weechat-headless wget wireshark x11vnc"
);

/// Databases and their shells.
const DATABASES: &[&str] = words!(
    "arangosh barman beeline cassandra cassandra-stress cbq clickhouse clickhouse-client \
    clickhouse-local clickhouse-server clusterdb cockroach couchdb cqlsh createdb createlang \
    createuser cypher-shell db2 dolt dremio dropdb droplang dropuser duckdb etcd firebird flyway \
    h2 hadoop hbase hdb hdbsql hdfs hive impala-shell influx influxd initdb innobackupex innotop \
    isql isql-fb isql-vt iusql keydb-cli keydb-server ksql ldapvi ldbedit liquibase litecli \
    litestream mariabackup mariadb mariadbd mongo mongod mongos mongosh mssql-cli mycli mytop \
    neo4j nodetool orientdb osql pg_amcheck pg_backupcluster pg_basebackup pg_buildext \
    pg_createcluster pg_ctl pg_ctlcluster pg_dropcluster pg_dump pg_dumpall pg_isready \
    pg_receivewal pg_receivexlog pg_recvlogical pg_renamecluster pg_restore pg_restorecluster \
    pg_rewind pg_upgrade pg_upgradecluster pg_virtualenv pg_wrapper pgbackrest pgbench pgcli \
    pgloader pig postgres postmaster presto psql pyspark redis-cli redis-server reindexdb \
    rethinkdb rqlite rqlited snowsql spark-class spark-shell spark-sql spark-submit sqlcipher \
    sqlcmd sqldiff sqlite sqlite-utils sqlite3_analyzer sqlite3_rsync sqlldr sqlline sqlplus \
    surreal tarantool tdbtool trino tsql usql vacuumdb valkey-cli valkey-server wal-g xtrabackup"
);

/// Archivers, compressors and backup programs: they start helpers or write what they unpack.
const ARCHIVERS: &[&str] = words!(
    "7z 7za 7zip 7zr 7zz afio amanda apack arj ark atool attic aunpack backupninja bacula bconsole \
    borg borgbackup borgmatic brotli bsdcpio bsdtar btrfs bunzip2 bup burp bzexe bzip2 bzip3 \
    cabextract clzip compress cpio dar ditto dtrx dump duplicati duplicity engrampa fastjar \
    file-roller gnutar gzexe hdiutil innoextract jar kopia lbzip2 lha lhasa lrunzip lrzip lrztar \
    lunzip lz4 lz4c lz4cat lzip lzma lzop makeself mksquashfs obnam p7zip pax pbzip2 pdftk pigz \
    pixz plzip ptar ptargrep pxz pzstd qpdf rar rdiff rdiff-backup restic restore rsnapshot rzip \
    shar spax sqfstar star streamzip tar tarcat tarsnap tartarus unace unalz unar uncompress unlz4 \
    unlzma unpigz unrar unshar unsquashfs untar unxz unzip unzipsfx unzstd xar xorriso xz xzcat \
    zforce zfs zip zipcloak zipmerge zipnote zipsplit znew zoo zopfli zpaq zpool zstd zstdcat \
    zstdmt"
);

/// Programs that copy, move, link, download or edit files: they can put a program at a granted path.
const WRITERS: &[&str] = words!(
    "2to3 aria2c astyle autopep8 axel black bspatch chattr chcon chgrp chmod chown chrpath \
    clamdscan clamscan copyfilerange cp cpgr cppw csplit curl curlie dasel dcfldd dd dd_rescue \
    ddrescue diff3 dos2unix e2image elfedit exch execstack fallocate fetch ffmpeg file-rename \
    fromdos gallery-dl gcp gdd gdown get_iplayer gettextize gln gmv gpgsplit hardlink hashcat \
    hexedit http httpie https iconv indent install install-info installkernel isort kernel-install \
    link ln mac2unix man-recode mke2fs mkfs mkswap mmv msgattrib msgcat msgconv msgmerge msguniq \
    mv nscurl parted patch patchelf perl-rename perltidy plistbuddy plutil prelink prename ptx \
    recode rename robocopy rpl ruff sd sdiff setcap setfacl setfattr shred shuf sox split-file \
    sponge stow tee textutil tic tidy todos tomlq transmission-cli truncate uconv uncrustify uniq \
    unix2dos uudecode wipefs wkhtmltopdf xcopy xdelta3 xfs_io xh xmllint xmlstarlet xq xq-python \
    xsltproc xsv xxd yapf youtube-dl yq yt-dlp"
);

/// Suffixes that packages add to the name of a program for a different build of it.
pub(super) const BUILDS: &[&str] = words!(
    "any athena beta bin canary classic cli compat console coverage cur dbg debug devel development \
    edge esp extras full gnome gtk gtk2 gtk3 gtk4 huge im6 im7 intel64 kde ldap lite lts lucid \
    minimal motif mri native next nightly nogil nopie nox openbsd orig patched pgtk preview qt qt5 \
    qt6 real release rs small snapshot stable staging standalone static tiny traditional unstable \
    unstripped unwrapped wrapped x11"
);

/// Prefixes of the first part of a target (`x86_64-linux-gnu`), and of other names for the vendor of a
/// program (`gnu-sed`, `musl-gcc`).
pub(super) const TARGETS: &[&str] = words!(
    "aarch64 alpha amd64 arm avr bpf bsd gnu heirloom hppa i386 i486 i586 i686 ia64 inetutils llvm \
    loongarch m68k microblaze mingw mips musl netkit nios2 or1k original powerpc ppc riscv s390 \
    sh4 sparc wasm x86 xtensa"
);

/// Suffixes for the machine that a program is built for, besides [`TARGETS`].
pub(super) const MACHINES: &[&str] =
    words!("android arm64 darwin freebsd linux macos openbsd unknown win32 win64 x64");
