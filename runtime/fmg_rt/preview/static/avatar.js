// A person's own avatar in place of the drawn face: a .glb or .vrm whose meshes move with ARKit names.

import {
  AmbientLight, Box3, DirectionalLight, GLTFLoader, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from "./three.js";

// "eyeBlink_L", "EyeBlinkLeft" and "Face.M_F00_eyeBlinkLeft" are one name.
function arkitName(text, names) {
  const plain = text.replace(/_L$/i, "Left").replace(/_R$/i, "Right").replace(/[^a-z]/gi, "").toLowerCase();
  return names.find((name) => plain === name.toLowerCase()) ?? names.find((name) => plain.endsWith(name.toLowerCase()));
}

// ARKit name → [{ mesh, index, weight }], from the meshes' own morph names and from VRM's expressions.
function findShapes(gltf, names) {
  const shapes = new Map();
  const add = (name, mesh, index, weight) => {
    if (mesh.morphTargetInfluences?.[index] === undefined) return;
    if (!shapes.has(name)) shapes.set(name, []);
    shapes.get(name).push({ mesh, index, weight });
  };
  gltf.scene.traverse((mesh) => {
    for (const [text, index] of Object.entries(mesh.morphTargetDictionary ?? {})) {
      const name = arkitName(text, names);
      if (name) add(name, mesh, index, 1);
    }
  });
  // glTF numbers meshes and nodes; the loader knows which of its objects came from which.
  const from = (kind, number, visit) => gltf.scene.traverse((object) => {
    let owner = object;
    while (owner && gltf.parser.associations.get(owner)?.[kind] === undefined) owner = owner.parent;
    if (owner && gltf.parser.associations.get(owner)[kind] === number) visit(object);
  });
  const { VRM: vrm0, VRMC_vrm: vrm1 } = gltf.parser.json.extensions ?? {};
  for (const group of vrm0?.blendShapeMaster?.blendShapeGroups ?? []) {
    const name = arkitName(group.name ?? "", names);
    if (!name || shapes.has(name)) continue;
    for (const bind of group.binds ?? []) from("meshes", bind.mesh, (mesh) => add(name, mesh, bind.index, bind.weight / 100));
  }
  for (const [text, expression] of Object.entries(vrm1?.expressions?.custom ?? {})) {
    const name = arkitName(text, names);
    if (!name || shapes.has(name)) continue;
    for (const bind of expression.morphTargetBinds ?? []) {
      from("nodes", bind.node, (mesh) => add(name, mesh, bind.index, bind.weight));
    }
  }
  return shapes;
}

// Where to look, and how much of it: around the head bone if there is one, else at the meshes that move.
function frameHead(gltf, shapes) {
  let head = null;
  gltf.scene.traverse((object) => { if (!head && object.isBone && /head$/i.test(object.name)) head = object; });
  if (head) {
    const neck = head.getWorldPosition(new Vector3());
    return { centre: neck.add(new Vector3(0, 0.07, 0)), height: 0.36 };
  }
  const box = new Box3();
  for (const places of shapes.values()) for (const { mesh } of places) box.expandByObject(mesh);
  return { centre: box.getCenter(new Vector3()), height: 1.15 * box.getSize(new Vector3()).y };
}

/** Read a file's bytes. Returns { draw(pose, width, height), found } or throws an Error that says what is missing. */
export async function loadAvatar(bytes, canvas, names) {
  const gltf = await new GLTFLoader().parseAsync(bytes, "");
  const shapes = findShapes(gltf, names);
  if (!shapes.size) throw new Error("no morph target in this file has an ARKit name (jawOpen, eyeBlinkLeft, …)");
  if (gltf.parser.json.extensions?.VRM) gltf.scene.rotation.y = Math.PI;  // VRM 0 looks away from the camera
  gltf.scene.traverse((object) => { object.frustumCulled = false; });
  gltf.scene.updateMatrixWorld(true);
  const { centre, height } = frameHead(gltf, shapes);

  const renderer = new WebGLRenderer({ canvas, alpha: true, antialias: true });
  const scene = new Scene();
  const sun = new DirectionalLight(0xffffff, 2);
  sun.position.set(0.5, 1, 2);
  scene.add(gltf.scene, new AmbientLight(0xffffff, 1.4), sun);
  const camera = new PerspectiveCamera(22, 1, height / 50, height * 50);
  camera.position.copy(centre).add(new Vector3(0, 0, height / (2 * Math.tan(Math.PI * 11 / 180)) * 1.15));
  camera.lookAt(centre);

  let size = "";
  return {
    found: shapes.size,
    draw(pose, width, height) {
      if (size !== `${width}×${height}`) {
        size = `${width}×${height}`;
        renderer.setSize(width, height, false);
        camera.aspect = width / height;
        camera.updateProjectionMatrix();
      }
      // Several shapes may share a morph target: start from rest, then add.
      for (const places of shapes.values()) for (const { mesh, index } of places) mesh.morphTargetInfluences[index] = 0;
      for (const [name, places] of shapes) {
        for (const { mesh, index, weight } of places) mesh.morphTargetInfluences[index] += weight * pose[name];
      }
      renderer.render(scene, camera);
    },
  };
}
