// A plugin that does nothing but compute: its config names one of three programs, its evidence
// holds the program's result, so that every engine can be seen to have done the same work.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(name)))

static u8 heap[1 << 16];

EXPORT("allocate") u8 *allocate(u32 size) { return size <= sizeof heap ? heap : 0; }
EXPORT("deallocate") void deallocate(u8 *ptr, u32 size) { (void)ptr, (void)size; }

static u64 pack(const void *text, u32 len) { return (u64)(u32)text << 32 | len; }

static const char INFO[] = "{\"name\":\"compute\",\"version\":\"1.0.0\",\"description\":\"Computes\",\"capabilities\":[]}";
static const char SCHEMA[] = "{\"type\":\"object\"}";

EXPORT("describe") u64 describe(void) { return pack(INFO, sizeof INFO - 1); }
EXPORT("schema") u64 schema(void) { return pack(SCHEMA, sizeof SCHEMA - 1); }

// SHA-256 (FIPS 180-4) over 16 MiB, a 64 KiB block 256 times.

static const u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static u8 block[1 << 16];

static u32 rotate(u32 word, u32 by) { return word >> by | word << (32 - by); }

static void compress(u32 state[8], const u8 *bytes) {
    u32 w[64];
    for (u32 i = 0; i < 16; i++)
        w[i] = (u32)bytes[4 * i] << 24 | bytes[4 * i + 1] << 16 | bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    for (u32 i = 16; i < 64; i++) {
        u32 a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    u32 s[8];
    for (u32 i = 0; i < 8; i++) s[i] = state[i];
    for (u32 i = 0; i < 64; i++) {
        u32 one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                  ((s[4] & s[5]) ^ (~s[4] & s[6])) + K[i] + w[i];
        u32 two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                  ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + one;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = one + two;
    }
    for (u32 i = 0; i < 8; i++) state[i] += s[i];
}

static u64 sha256(void) {
    u32 state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (u32 i = 0; i < sizeof block; i++) block[i] = (u8)(i * 31 + (i >> 8));
    for (u32 turn = 0; turn < 256; turn++)
        for (u32 at = 0; at < sizeof block; at += 64) compress(state, block + at);
    for (u32 i = 0; i < 64; i++) block[i] = 0;
    block[0] = 0x80;
    block[60] = (1u << 27) >> 24;  // the length, 2^27 bits
    compress(state, block);
    return (u64)state[0] << 32 | state[1];
}

// The primes below 2 million, counted by the sieve of Eratosthenes.

#define LIMIT 2000000
static u8 composite[LIMIT];

static u64 primes(void) {
    u64 count = 0;
    for (u32 i = 0; i < LIMIT; i++) composite[i] = 0;
    for (u32 i = 2; i < LIMIT; i++) {
        if (composite[i]) continue;
        count++;
        if (i < 1415)
            for (u32 j = i * i; j < LIMIT; j += i) composite[j] = 1;
    }
    return count;
}

// The 32nd number of Fibonacci, by calls.

__attribute__((noinline)) static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static char out[] = "{\"Status\":true,\"Error\":null,\"Timestamp\":\"2026-01-01T00:00:00Z\",\"Data\":{\"result\":\"................\"}}";

// The config is {"program":"sha256"}, "primes" or "fib".
EXPORT("observe") u64 observe(const u8 *config, u32 len) {
    if (len < 13) return 0;
    u64 result = config[12] == 's' ? sha256() : config[12] == 'p' ? primes() : fib(32);
    char *digits = out + sizeof out - 1 - 3 - 16;
    for (u32 i = 0; i < 16; i++) digits[i] = "0123456789abcdef"[result >> (60 - 4 * i) & 15];
    return pack(out, sizeof out - 1);
}
