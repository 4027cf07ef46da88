/* See object.h. Knows just enough ELF: allocated sections are copied one after the other, R_X86_64_PC32 and PLT32
 * against them are applied; an undefined symbol, writable data or any other relocation is a refusal. */
#include "jit/cc/object.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "core/arena.h"

struct object {
    const uint8_t *file;
    size_t size;
    const Elf64_Ehdr *head;
    const Elf64_Shdr *sections;
    const Elf64_Sym *symbols;
    size_t n_symbols;
    const char *names; /* of symbols, NUL-terminated as a whole */
    size_t n_names;
    uint64_t *at; /* by section: offset in the image; UINT64_MAX: not in it */
    uint8_t *image;
    uint64_t total;
    struct fault *fault;
};

static enum status refuse(struct object *o, const char *why)
{
    fault_add(o->fault, STATUS_INTERNAL, "", 0, "the object file is refused: %s", why);
    return STATUS_INTERNAL;
}

static bool lies_within(const struct object *o, uint64_t offset, uint64_t size)
{
    return offset <= o->size && size <= o->size - offset;
}

static enum status read_symbols(struct object *o)
{
    for (int i = 0; i < o->head->e_shnum; i++) {
        const Elf64_Shdr *s = &o->sections[i];
        if (s->sh_type != SHT_SYMTAB)
            continue;
        if (s->sh_link >= o->head->e_shnum || !lies_within(o, s->sh_offset, s->sh_size) || s->sh_offset % 8)
            return refuse(o, "symbol table");
        const Elf64_Shdr *names = &o->sections[s->sh_link];
        if (!lies_within(o, names->sh_offset, names->sh_size) || names->sh_size == 0 ||
            o->file[names->sh_offset + names->sh_size - 1] != 0)
            return refuse(o, "symbol names");
        o->symbols = (const Elf64_Sym *)(const void *)(o->file + s->sh_offset);
        o->n_symbols = s->sh_size / sizeof *o->symbols;
        o->names = (const char *)o->file + names->sh_offset;
        o->n_names = names->sh_size;
        return STATUS_OK;
    }
    return refuse(o, "no symbols");
}

static enum status open_object(struct object *o)
{
    o->head = (const Elf64_Ehdr *)(const void *)o->file;
    if (o->size < sizeof *o->head || memcmp(o->head->e_ident, ELFMAG, SELFMAG) != 0 ||
        o->head->e_ident[EI_CLASS] != ELFCLASS64 || o->head->e_type != ET_REL || o->head->e_machine != EM_X86_64 ||
        o->head->e_shentsize != sizeof *o->sections)
        return refuse(o, "not an x86-64 ELF object");
    if (!lies_within(o, o->head->e_shoff, (uint64_t)o->head->e_shnum * sizeof *o->sections) || o->head->e_shoff % 8)
        return refuse(o, "section table");
    o->sections = (const Elf64_Shdr *)(const void *)(o->file + o->head->e_shoff);
    return read_symbols(o);
}

static enum status lay_out(struct object *o, struct arena *a)
{
    o->at = ARENA_ARRAY(a, o->head->e_shnum, uint64_t);
    for (int i = 0; i < o->head->e_shnum; i++) {
        const Elf64_Shdr *s = &o->sections[i];
        o->at[i] = UINT64_MAX;
        if (!(s->sh_flags & SHF_ALLOC) || s->sh_size == 0)
            continue;
        if (s->sh_type != SHT_PROGBITS || (s->sh_flags & (SHF_WRITE | SHF_TLS)) ||
            !lies_within(o, s->sh_offset, s->sh_size))
            return refuse(o, "a section that is neither code nor constants");
        uint64_t align = s->sh_addralign > 0 ? s->sh_addralign : 1;
        if (align > 4096 || (align & (align - 1)))
            return refuse(o, "alignment");
        o->at[i] = (o->total + align - 1) & ~(align - 1);
        o->total = o->at[i] + s->sh_size;
        if (o->total > IMAGE_MAX)
            return refuse(o, "larger than an image may be");
    }
    o->image = arena_alloc(a, o->total + 1);
    for (int i = 0; i < o->head->e_shnum; i++)
        if (o->at[i] != UINT64_MAX)
            memcpy(o->image + o->at[i], o->file + o->sections[i].sh_offset, o->sections[i].sh_size);
    return STATUS_OK;
}

static enum status symbol_at(struct object *o, uint64_t index, uint64_t *ret_at)
{
    if (index >= o->n_symbols)
        return refuse(o, "a relocation without a symbol");
    const Elf64_Sym *s = &o->symbols[index];
    if (s->st_shndx == SHN_UNDEF || s->st_shndx >= o->head->e_shnum || o->at[s->st_shndx] == UINT64_MAX)
        return refuse(o, "a reference to something outside");
    *ret_at = o->at[s->st_shndx] + s->st_value;
    return STATUS_OK;
}

static enum status relocate(struct object *o, const Elf64_Shdr *target, uint64_t base, const Elf64_Rela *rel)
{
    uint32_t type = (uint32_t)ELF64_R_TYPE(rel->r_info);
    if (type != R_X86_64_PC32 && type != R_X86_64_PLT32)
        return refuse(o, "a relocation that is not relative to the program counter");
    uint64_t symbol = 0;
    TRY(symbol_at(o, ELF64_R_SYM(rel->r_info), &symbol));
    if (rel->r_offset > target->sh_size || target->sh_size - rel->r_offset < 4)
        return refuse(o, "a relocation outside its section");
    uint64_t place = base + rel->r_offset;
    uint32_t value = (uint32_t)(symbol + (uint64_t)rel->r_addend - place);
    memcpy(o->image + place, &value, sizeof value);
    return STATUS_OK;
}

static enum status relocate_all(struct object *o)
{
    for (int i = 0; i < o->head->e_shnum; i++) {
        const Elf64_Shdr *s = &o->sections[i];
        if (s->sh_type == SHT_REL)
            return refuse(o, "relocations of another kind");
        if (s->sh_type != SHT_RELA || s->sh_info >= o->head->e_shnum || o->at[s->sh_info] == UINT64_MAX)
            continue;
        if (!lies_within(o, s->sh_offset, s->sh_size) || s->sh_offset % 8)
            return refuse(o, "relocations");
        const Elf64_Rela *rel = (const Elf64_Rela *)(const void *)(o->file + s->sh_offset);
        for (size_t k = 0; k < s->sh_size / sizeof *rel; k++)
            TRY(relocate(o, &o->sections[s->sh_info], o->at[s->sh_info], &rel[k]));
    }
    return STATUS_OK;
}

static enum status find_entry(struct object *o, const char *symbol, uint32_t *ret_entry)
{
    for (size_t i = 1; i < o->n_symbols; i++) {
        const Elf64_Sym *s = &o->symbols[i];
        if (s->st_name >= o->n_names || strcmp(o->names + s->st_name, symbol) != 0)
            continue;
        uint64_t at = 0;
        TRY(symbol_at(o, i, &at));
        if (at >= o->total || !(o->sections[s->st_shndx].sh_flags & SHF_EXECINSTR))
            return refuse(o, "the entry is not code");
        *ret_entry = (uint32_t)at;
        return STATUS_OK;
    }
    return refuse(o, "no entry");
}

enum status object_flatten_many(const uint8_t *file, size_t size, const char *const *symbols, size_t n, struct arena *a,
                                struct image *ret_images, struct fault *fault)
{
    struct object o = {.file = file, .size = size, .fault = fault};
    uint32_t *entries = ARENA_ARRAY(a, n, uint32_t);
    TRY(open_object(&o));
    TRY(lay_out(&o, a));
    TRY(relocate_all(&o));
    for (size_t i = 0; i < n; i++)
        TRY(find_entry(&o, symbols[i], &entries[i]));
    for (size_t i = 0; i < n; i++)
        ret_images[i] = (struct image){.bytes = o.image, .size = (size_t)o.total, .entry = entries[i]};
    return STATUS_OK;
}

enum status object_flatten(const uint8_t *file, size_t size, const char *symbol, struct arena *a,
                           struct image *ret_image, struct fault *fault)
{
    return object_flatten_many(file, size, &symbol, 1, a, ret_image, fault);
}
