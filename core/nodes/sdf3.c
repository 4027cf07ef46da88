/* Signed distance to solids, negative inside, centred on the origin; exact, outside and inside. Solids of revolution
 * stand on the y axis; h is half a height, as in a box; up is negative y.
 *     box         q = |p| - h: |max(q, 0)| + min(max(qx, qy, qz), 0)
 *     octahedron  in one octant the nearest of a face, an edge or a corner of |x| + |y| + |z| = r
 *     cone        in the half plane (|(x, z)|, y) the nearer of two segments, side and base
 * Source: Inigo Quilez, "distance functions". */
#include "core/node.h"

extern const struct node_row sdf3_rows[];
const struct node_row sdf3_rows[] = {
    {"sdf_sphere : x, y, z, r", "Exact signed distance to a sphere.", 0, "sqrt(x*x + y*y + z*z) - r", NULL, NULL},
    {"sdf_octahedron : x, y, z, r",
     "Exact signed distance to a regular octahedron with corners at distance r on the axes.", 0,
     "let p = vec3(abs(x), abs(y), abs(z)); let m = p.x + p.y + p.z - r;"
     "let q = if 3*p.x < m then p else if 3*p.y < m then p.yzx else p.zxy;"
     "let k = min(max(0.5*(q.z - q.y + r), 0), r); let ey = q.y - r + k; let ez = q.z - k;"
     "if 3*min(min(p.x, p.y), p.z) < m then sqrt(q.x*q.x + ey*ey + ez*ez) else m/sqrt(3)",
     NULL, NULL},
    {"sdf_box3 : x, y, z, hx, hy, hz", "Exact signed distance to a box of half lengths hx, hy, hz.", 0,
     "let qx = abs(x) - hx; let qy = abs(y) - hy; let qz = abs(z) - hz;"
     "let ox = max(qx, 0); let oy = max(qy, 0); let oz = max(qz, 0);"
     "sqrt(ox*ox + oy*oy + oz*oz) + min(max(max(qx, qy), qz), 0)",
     NULL, NULL},
    {"sdf_rounded_box3 : x, y, z, hx, hy, hz, r",
     "Exact signed distance to a box of half lengths hx, hy, hz whose edges are rounded within it by radius r.", 0,
     "let k = min(max(r, 0), min(min(hx, hy), hz)); sdf_box3(x, y, z, hx - k, hy - k, hz - k) - k", NULL, NULL},
    {"sdf_cylinder : x, y, z, r, h", "Exact signed distance to a cylinder of radius r along the y axis, from -h to h.",
     0,
     "let qx = sqrt(x*x + z*z) - r; let qy = abs(y) - h; let ox = max(qx, 0); let oy = max(qy, 0);"
     "sqrt(ox*ox + oy*oy) + min(max(qx, qy), 0)",
     NULL, NULL},
    {"sdf_capsule : x, y, z, ax, ay, az, bx, by, bz, r",
     "Exact signed distance to a capsule of radius r around the segment from a to b.", 0,
     "let px = x - ax; let py = y - ay; let pz = z - az; let dx = bx - ax; let dy = by - ay; let dz = bz - az;"
     "let t = min(max((px*dx + py*dy + pz*dz)/(dx*dx + dy*dy + dz*dz), 0), 1);"
     "let ex = px - t*dx; let ey = py - t*dy; let ez = pz - t*dz; sqrt(ex*ex + ey*ey + ez*ez) - r",
     NULL, NULL},
    {"sdf_torus : x, y, z, major, minor",
     "Exact signed distance to a torus around the y axis: a tube of radius `minor` along a circle of radius `major`.",
     0, "let q = sqrt(x*x + z*z) - major; sqrt(q*q + y*y) - minor", NULL, NULL},
    {"sdf_cone : x, y, z, r, h",
     "Exact signed distance to a cone along the y axis: its tip at y = -h, its base of radius r at y = h.", 0,
     "let q = sqrt(x*x + z*z); let d = min(sdf_segment(q, y, 0, -h, r, h), sdf_segment(q, y, 0, h, r, h));"
     "2*h*q < r*(y + h) and y < h ? -d : d",
     NULL, NULL},
    {"sdf_plane : x, y, z, nx, ny, nz, d=0",
     "Exact signed distance to the plane at distance d from the origin along its normal n, negative before it.", 0,
     "(x*nx + y*ny + z*nz)/max(sqrt(nx*nx + ny*ny + nz*nz), 1e-18) - d", NULL, NULL},
    {0},
};
