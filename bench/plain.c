/* See plain.h. */
#include "bench/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((noinline)) void plain_affine(const float *in, float *out, int n, const float gain[2],
                                            const float offset[2])
{
    for (int i = 0; i < n; i++)
        out[i] = (in[i] * gain[0] + offset[0]) * gain[1] + offset[1];
}

static const char rust_program[] =
    "use std::hint::black_box;\n"
    "use std::time::Instant;\n"
    "#[inline(never)]\n"
    "fn affine(input: &[f32], out: &mut [f32], g: [f32; 2], o: [f32; 2]) {\n"
    "    for (y, x) in out.iter_mut().zip(input) { *y = (*x * g[0] + o[0]) * g[1] + o[1]; }\n"
    "}\n"
    "fn main() {\n"
    "    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();\n"
    "    let (a, mut b) = (vec![0.5f32; n], vec![0f32; n]);\n"
    "    let mut times = Vec::new();\n"
    "    for _ in 0..200 {\n"
    "        let t = Instant::now();\n"
    "        for _ in 0..20 { affine(black_box(&a), black_box(&mut b), black_box([0.5, 2.0]), black_box([1.0, -0.5])); "
    "}\n"
    "        times.push(t.elapsed().as_secs_f64() / 20.0);\n"
    "    }\n"
    "    times.sort_by(|x, y| x.partial_cmp(y).unwrap());\n"
    "    println!(\"{:e}\", times[100]);\n"
    "}\n";

double plain_rust_affine(int n)
{
    char dir[] = "/tmp/sinter-bench-XXXXXX", command[256];
    double seconds = -1;
    if (system("command -v rustc >/dev/null 2>&1") != 0 || !mkdtemp(dir))
        return -1;
    snprintf(command, sizeof command, "%s/loop.rs", dir);
    FILE *f = fopen(command, "w");
    if (f) {
        fwrite(rust_program, 1, strlen(rust_program), f);
        fclose(f);
        snprintf(command, sizeof command, "cd %s && rustc -O loop.rs 2>/dev/null && ./loop %d", dir, n);
        FILE *p = popen(command, "r");
        if (p) {
            if (fscanf(p, "%lf", &seconds) != 1)
                seconds = -1;
            pclose(p);
        }
    }
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", dir);
    return seconds;
}
