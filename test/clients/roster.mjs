/**
 * @typedef {object} Client
 * @property {string} name
 * @property {string} file of this folder
 * @property {readonly string[]} run the command, without the file
 * @property {readonly string[]} version prints a version number, and fails where the client is not there
 * @property {readonly string[]} packages of Debian; none where Node itself is the client
 * @property {'|' | '%7C'} pipe how the pipe of the availability call goes out; the calls to book and cancel send %7C always
 * @property {string} note what is peculiar on the wire
 * @property {string} language of its snippet, for the Markdown
 * @property {boolean} [cancels] false where the client knows no DELETE
 */

/** @type {readonly Client[]} */
export const ROSTER = [
  { name: 'curl', file: 'curl.sh', run: ['sh'], version: ['curl', '--version'], packages: ['curl'], pipe: '|', note: '', language: 'sh' },
  { name: 'wget', file: 'wget.sh', run: ['sh'], version: ['wget', '--version'], packages: ['wget'], pipe: '%7C', note: '', language: 'sh' },
  { name: 'busybox wget', file: 'busybox_wget.sh', run: ['sh'], version: ['busybox'], packages: ['busybox'], pipe: '|', note: '`Connection: close`; knows no DELETE', language: 'sh', cancels: false },
  { name: 'HTTP/1.0 over nc', file: 'nc_http10.sh', run: ['sh'], version: ['sh', '-c', 'nc.openbsd -h 2>&1 || true'], packages: ['netcat-openbsd'], pipe: '|', note: 'HTTP/1.0 without Host', language: 'sh' },
  { name: 'Python urllib', file: 'python_urllib.py', run: ['python3'], version: ['python3', '--version'], packages: ['python3'], pipe: '|', note: '`Connection: close`', language: 'python' },
  { name: 'Python http.client, HTTP/1.0', file: 'python_http10.py', run: ['python3'], version: ['python3', '--version'], packages: ['python3'], pipe: '|', note: 'HTTP/1.0 without Host', language: 'python' },
  { name: 'PHP curl', file: 'php_curl.php', run: ['php'], version: ['php', '-r', 'echo PHP_VERSION; curl_version();'], packages: ['php-cli', 'php-curl'], pipe: '|', note: '', language: 'php' },
  { name: 'PHP streams', file: 'php_streams.php', run: ['php'], version: ['php', '-r', 'echo PHP_VERSION;'], packages: ['php-cli'], pipe: '|', note: '`Connection: close`', language: 'php' },
  { name: 'Perl LWP', file: 'perl_lwp.pl', run: ['perl'], version: ['perl', '-MLWP', '-e', 'print $LWP::VERSION'], packages: ['libwww-perl'], pipe: '%7C', note: '`TE`, `Connection: TE, close`', language: 'perl' },
  { name: 'Ruby Net::HTTP', file: 'ruby_net_http.rb', run: ['ruby'], version: ['ruby', '--version'], packages: ['ruby'], pipe: '|', note: 'keeps its connection; `URI()` refuses a raw pipe', language: 'ruby' },
  { name: 'Java HttpURLConnection', file: 'UrlConnection.java', run: ['java'], version: ['javac', '-version'], packages: ['default-jdk-headless'], pipe: '|', note: 'keeps its connection', language: 'java' },
  { name: 'Java java.net.http', file: 'HttpClientH2c.java', run: ['java'], version: ['javac', '-version'], packages: ['default-jdk-headless'], pipe: '%7C', note: '`Upgrade: h2c` with each request; `URI` refuses a raw pipe', language: 'java' },
  // Without cgo, since gcc is not there.
  { name: 'Go net/http', file: 'go_net_http.go', run: ['env', 'CGO_ENABLED=0', 'go', 'run'], version: ['go', 'version'], packages: ['golang-go'], pipe: '%7C', note: 'keeps its connection', language: 'go' },
  { name: 'C# HttpWebRequest (Mono)', file: 'HttpWebRequest.cs', run: ['sh', '-c', 'mcs -out:client.exe "$0" && mono client.exe'], version: ['sh', '-c', 'command -v mcs > /dev/null && mono --version'], packages: ['mono-mcs', 'mono-runtime'], pipe: '%7C', note: '`Expect: 100-continue`', language: 'csharp' },
  { name: 'Node node:http', file: 'node_http.mjs', run: [process.execPath], version: [process.execPath, '--version'], packages: [], pipe: '|', note: 'keeps its connection', language: 'js' },
  { name: 'Node fetch', file: 'node_fetch.mjs', run: [process.execPath], version: [process.execPath, '--version'], packages: [], pipe: '|', note: '`Sec-Fetch-Mode: cors`', language: 'js' }
]

/** What one would look for here, and why it is not in the roster. */
export const ABSENT = [{ name: '.NET', reason: 'Debian has no package of it; Mono stands for the .NET Framework' }]
