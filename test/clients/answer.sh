# For clients that print an answer as it came, head and body: says what the runner compares.

# A composite id in a path: only the pipe is not allowed there (RFC 3986).
encoded () { printf '%s' "$1" | sed 's/|/%7C/g'; }

# The first value of a field in the last answer.
field () { grep -o "\"$1\":\"[^\"]*\"" answer | head -n 1 | cut -d '"' -f 4; }

# CALL FIELD…: keeps what comes in as the last answer.
report () {
  tr -d '\r' > answer
  line="$1 $(sed -n 's/^ *HTTP\/[0-9.]* \([0-9]*\).*/\1/p' answer | head -n 1)"; shift
  for name in "$@"; do line="$line $(field "$name")"; done
  echo "$line"
}
