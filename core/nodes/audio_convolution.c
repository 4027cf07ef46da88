/* Convolution with an impulse response that the client sends along: y[n] = sum over k of h[k] x[n - k], for the whole
 * length of h, without latency; out (1 - mix) in + mix y. A host stage does it (api/audio/convolver.h); here only its
 * place in the graph is marked. One channel of a response serves every channel of the audio; of several, channel k
 * serves channel k, or `channel` says which. */
#include <string.h>

#include "core/graph.h"
#include "core/nodes/audio_parts.h"
#include "core/nodes/audio_safe.h"

static bool name_is_good(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    return n >= 1 && n <= GRAPH_NAME_MAX && name[n] == 0;
}

static enum status named(struct build *b, const struct node_args *args, const char **ret)
{
    const struct datum *given = args->shape[1];
    const char *pointer = input_pointer(b, args, 1);
    if (!given)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "name of convolution: this input is required");
    if (given->kind != DATUM_STRING || !name_is_good(given->string))
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0,
                         "name of convolution is an impulse response's: 1 to %d letters, digits, '_', '-' and '.'",
                         GRAPH_NAME_MAX);
    *ret = given->string;
    return STATUS_OK;
}

/* All wet where the client says nothing: then nothing of the input is added, not even 0 in. */
static bool is_all_wet(const struct build *b, struct val mix)
{
    const struct ins *ins = ir_at(b->code, mix);
    return ins->op == OP_CONST_F32 && ins->imm.f == 1;
}

static enum status convolution(struct build *b, const struct node_args *args, struct val *out)
{
    struct ir_response response = {.channel = b->channel, .of = b->instances};
    TRY(named(b, args, &response.name));
    if (args->shape[3]) {
        int channel;
        TRY(node_count_arg(b, args, 3, 0, IR_INPUTS_MAX - 1, &channel));
        response.channel = (uint32_t)channel;
        response.of = 0;
    }
    struct val wet = b_convolve(b, args->in[0], response);
    out[0] = is_all_wet(b, args->in[2]) ? wet : audio_mix(b, args->in[0], wet, args->in[2]);
    return STATUS_OK;
}

extern const struct node_row audio_convolution_rows[];
const struct node_row audio_convolution_rows[] = {
    {"convolution : in, *name, mix=1, *channel=none",
     "Convolution with an impulse response sent with the request, without latency; a response of several channels has "
     "as many as the audio, or `channel` says which (from 0).",
     NODE_AUDIO | NODE_HOSTED, NULL, convolution, NULL},
    {0},
};
