// A person's own avatar in place of the drawn face: a .glb or .vrm whose meshes move with ARKit names, or a VRM that
// only has vowels, blinks and moods.

import {
  AmbientLight, Box3, DirectionalLight, GLTFLoader, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
} from "./three.js";
import { MeshoptDecoder } from "./meshopt.js";

// VRM 0's presets under the names of VRM 1's.
const PRESETS = {
  a: "aa", i: "ih", u: "ou", e: "ee", o: "oh", blink: "blink", blink_l: "blinkLeft", blink_r: "blinkRight", joy: "happy",
  angry: "angry", sorrow: "sad", fun: "relaxed", lookup: "lookUp", lookdown: "lookDown", lookleft: "lookLeft", lookright: "lookRight",
};
const MOODS = { happy: "joy", angry: "anger", sad: "sadness", relaxed: "calm", surprised: "surprise" };
const NECK_SHARE = 0.35;   // of the head's turn, where there is a neck
const EYE_DEGREES = 10;    // at a whole look aside, where a file says nothing

/** Why a file cannot be shown: `key` is one of the page's texts, or undefined. */
class AvatarError extends Error {
  constructor(key) { super(key); this.key = key; }
}

function check(bytes) {
  let json;
  try {
    const view = new DataView(bytes);
    if (view.getUint32(0, true) !== 0x46546c67 || view.getUint32(16, true) !== 0x4e4f534a) throw new Error();
    json = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 20, view.getUint32(12, true))));
  } catch { throw new AvatarError("unreadable"); }
  if (json.extensionsUsed?.includes("KHR_draco_mesh_compression")) throw new AvatarError("draco");
  if (json.extensionsRequired?.includes("KHR_texture_basisu")) throw new AvatarError("ktx2");
}

// "eyeBlink_L", "EyeBlinkLeft" and "Face.M_F00_eyeBlinkLeft" are one name.
function arkitName(text, names) {
  const plain = text.replace(/_L$/i, "Left").replace(/_R$/i, "Right").replace(/[^a-z]/gi, "").toLowerCase();
  return names.find((name) => plain === name.toLowerCase()) ?? names.find((name) => plain.endsWith(name.toLowerCase()));
}

const push = (map, name, place) => { if (!map.has(name)) map.set(name, []); map.get(name).push(place); };

// What the file calls an expression: [{ text, preset, places: [{ mesh, index, weight }] }], of VRM 0 and 1.
function findExpressions(gltf) {
  // glTF numbers meshes and nodes; the loader knows which of its objects came from which.
  const places = (kind, number, index, weight) => {
    const found = [];
    gltf.scene.traverse((object) => {
      let owner = object;
      while (owner && gltf.parser.associations.get(owner)?.[kind] === undefined) owner = owner.parent;
      if (owner && gltf.parser.associations.get(owner)[kind] === number && object.morphTargetInfluences?.[index] !== undefined) {
        found.push({ mesh: object, index, weight });
      }
    });
    return found;
  };
  const { VRM: vrm0, VRMC_vrm: vrm1 } = gltf.parser.json.extensions ?? {};
  const groups = (vrm0?.blendShapeMaster?.blendShapeGroups ?? []).map((group) => ({
    text: group.name ?? "", preset: PRESETS[(group.presetName ?? "").toLowerCase()],
    places: (group.binds ?? []).flatMap((bind) => places("meshes", bind.mesh, bind.index, bind.weight / 100)),
  }));
  for (const kind of ["preset", "custom"]) {
    for (const [text, expression] of Object.entries(vrm1?.expressions?.[kind] ?? {})) {
      groups.push({
        text, preset: kind === "preset" ? text : undefined,
        places: (expression.morphTargetBinds ?? []).flatMap((bind) => places("nodes", bind.node, bind.index, bind.weight)),
      });
    }
  }
  return groups.filter((group) => group.places.length);
}

// ARKit name → places, from the meshes' own morph names and from expressions so named.
function findShapes(gltf, expressions, names) {
  const shapes = new Map();
  gltf.scene.traverse((mesh) => {
    for (const [text, index] of Object.entries(mesh.morphTargetDictionary ?? {})) {
      const name = arkitName(text, names);
      if (name) push(shapes, name, { mesh, index, weight: 1 });
    }
  });
  const own = new Set(shapes.keys());
  for (const { text, places } of expressions) {
    const name = arkitName(text, names);
    if (name && !own.has(name)) for (const place of places) push(shapes, name, place);
  }
  return shapes;
}

// The same rough likeness that `--vmc-vowels` sends: roundness takes from the open vowels what it gives to O and U.
function presetValues(pose, emotion) {
  const opening = Math.max(pose.jawOpen - pose.mouthClose, 0), rounding = Math.max(pose.mouthPucker, pose.mouthFunnel);
  const wide = Math.max(pose.mouthSmileLeft + pose.mouthSmileRight, pose.mouthStretchLeft + pose.mouthStretchRight) / 2;
  const flat = 1 - rounding, narrow = Math.max(1 - 2 * opening, 0), happy = emotion.joy ?? 0;
  const blink = Math.min(pose.eyeBlinkLeft, pose.eyeBlinkRight) * (1 - happy);  // a happy face has closed its eyes already
  const moods = Object.fromEntries(Object.entries(MOODS).map(([preset, name]) => [preset, emotion[name] ?? 0]));
  return {
    aa: opening * flat * (1 - wide), ih: narrow * flat * wide, ou: pose.mouthPucker * (1 - opening), ee: opening * flat * wide,
    oh: Math.max(pose.mouthFunnel, pose.mouthPucker * opening), blink,
    blinkLeft: pose.eyeBlinkLeft * (1 - happy) - blink, blinkRight: pose.eyeBlinkRight * (1 - happy) - blink,
    lookUp: (pose.eyeLookUpLeft + pose.eyeLookUpRight) / 2, lookDown: (pose.eyeLookDownLeft + pose.eyeLookDownRight) / 2,
    lookLeft: (pose.eyeLookOutLeft + pose.eyeLookInRight) / 2, lookRight: (pose.eyeLookInLeft + pose.eyeLookOutRight) / 2,
    ...moods,
  };
}

// Preset → places, for every part of the face that the ARKit shapes leave out.
function findPresets(expressions, shapes) {
  const left = [
    ["jawOpen", ["aa", "ih", "ou", "ee", "oh"]], ["eyeBlinkLeft", ["blink", "blinkLeft", "blinkRight"]],
    ["eyeLookUpLeft", ["lookUp", "lookDown", "lookLeft", "lookRight"]], ["mouthSmileLeft", Object.keys(MOODS)],
  ].filter(([name]) => !shapes.has(name)).flatMap(([, presets]) => presets);
  const presets = new Map();
  for (const { preset, places } of expressions) {
    if (left.includes(preset)) for (const place of places) push(presets, preset, place);
  }
  return presets;
}

// head, neck, leftEye, rightEye → the bone and what turns it: VRM says which they are, elsewhere their names do.
async function findBones(gltf) {
  const { VRM: vrm0, VRMC_vrm: vrm1 } = gltf.parser.json.extensions ?? {};
  const human = vrm1?.humanoid?.humanBones
    ?? Object.fromEntries((vrm0?.humanoid?.humanBones ?? []).map(({ bone, node }) => [bone, { node }]));
  const named = { head: /head$/i, neck: /neck$/i, leftEye: /left_?eye$|eye_?l(eft)?$/i, rightEye: /right_?eye$|eye_?r(ight)?$/i };
  const bones = {};
  for (const [name, pattern] of Object.entries(named)) {
    let bone = null;
    if (human[name]?.node !== undefined) bone = await gltf.parser.getDependency("node", human[name].node);
    if (!bone) gltf.scene.traverse((object) => { if (!bone && object.isBone && pattern.test(object.name)) bone = object; });
    if (!bone) continue;
    const rest = bone.quaternion.clone(), parent = bone.parent.getWorldQuaternion(rest.clone()), back = parent.clone().invert();
    const turn = rest.clone(), angles = bone.rotation.clone();
    // World axes: x to the subject's left, y up, z out of the face.
    bones[name] = { bone, turn(yaw, pitch, roll) {
      turn.setFromEuler(angles.set(pitch, yaw, roll, "YXZ"));
      bone.quaternion.copy(back).multiply(turn).multiply(parent).multiply(rest);
    } };
  }
  return bones;
}

// How far this model's eyes turn, radians, for a whole look: { inner, outer, down, up }.
function eyeRanges(gltf) {
  const { VRM: vrm0, VRMC_vrm: vrm1 } = gltf.parser.json.extensions ?? {};
  const range = (zero, one) => Math.PI / 180 * (vrm1?.lookAt?.[one]?.outputScale ?? vrm0?.firstPerson?.[zero]?.yRange ?? EYE_DEGREES);
  return {
    inner: range("lookAtHorizontalInner", "rangeMapHorizontalInner"), outer: range("lookAtHorizontalOuter", "rangeMapHorizontalOuter"),
    down: range("lookAtVerticalDown", "rangeMapVerticalDown"), up: range("lookAtVerticalUp", "rangeMapVerticalUp"),
  };
}

// Where to look, and how much of it: around the head bone if there is one, else at the meshes that move.
function frameHead(bones, places) {
  if (bones.head) return { centre: bones.head.bone.getWorldPosition(new Vector3()).add(new Vector3(0, 0.07, 0)), height: 0.36 };
  const box = new Box3();
  for (const { mesh } of places) box.expandByObject(mesh);
  return { centre: box.getCenter(new Vector3()), height: 1.15 * box.getSize(new Vector3()).y };
}

/**
 * Read a file's bytes. Returns { draw(pose, width, height, head, emotion), close(), found, parts }: `draw` takes all 52
 * values by name, the canvas's size, and optionally yaw, pitch, roll in radians and emotions by name; `found` is the
 * number of ARKit shapes of 52, `parts` what else moves, of "vowels", "mood", "turning", "looking". Throws an Error that says what is missing; its
 * `key`, where it has one, names a text of the page.
 */
export async function loadAvatar(bytes, canvas, names) {
  check(bytes);
  const loader = new GLTFLoader();
  loader.setMeshoptDecoder(MeshoptDecoder);
  const gltf = await loader.parseAsync(bytes, "");
  const expressions = findExpressions(gltf);
  const shapes = findShapes(gltf, expressions, names), presets = findPresets(expressions, shapes);
  if (!shapes.size && !presets.size) throw new AvatarError("noShapes");
  if (gltf.parser.json.extensions?.VRM) gltf.scene.rotation.y = Math.PI;  // VRM 0 looks away from the camera
  gltf.scene.traverse((object) => { object.frustumCulled = false; });
  gltf.scene.updateMatrixWorld(true);
  const bones = await findBones(gltf), ranges = eyeRanges(gltf);
  const eyes = shapes.has("eyeLookUpLeft") || presets.has("lookUp") ? []
    : [[bones.leftEye, "Left", 1], [bones.rightEye, "Right", -1]].filter(([bone]) => bone);
  const moved = [...shapes.values(), ...presets.values()].flat();
  const { centre, height } = frameHead(bones, moved);

  let renderer;
  try { renderer = new WebGLRenderer({ canvas, alpha: true, antialias: true }); } catch { throw new AvatarError("noWebgl"); }
  const scene = new Scene();
  const sun = new DirectionalLight(0xffffff, 2);
  sun.position.set(0.5, 1, 2);
  scene.add(gltf.scene, new AmbientLight(0xffffff, 1.4), sun);
  const camera = new PerspectiveCamera(22, 1, height / 50, height * 50);
  camera.position.copy(centre).add(new Vector3(0, 0, height / (2 * Math.tan(Math.PI * 11 / 180)) * 1.15));
  camera.lookAt(centre);

  const move = (map, values) => {
    for (const [name, places] of map) for (const { mesh, index, weight } of places) mesh.morphTargetInfluences[index] += weight * values[name];
  };
  let size = "";
  return {
    found: shapes.size,
    parts: [presets.has("aa") && "vowels", presets.has("happy") && "mood", (bones.head || bones.neck) && "turning",
      (eyes.length || shapes.has("eyeLookUpLeft") || presets.has("lookUp")) && "looking"].filter(Boolean),
    draw(pose, width, height, head = [0, 0, 0], emotion = {}) {
      if (size !== `${width}×${height}`) {
        size = `${width}×${height}`;
        renderer.setSize(width, height, false);
        camera.aspect = width / height;
        camera.updateProjectionMatrix();
      }
      // Several shapes may share a morph target: start from rest, then add.
      for (const { mesh, index } of moved) mesh.morphTargetInfluences[index] = 0;
      move(shapes, pose);
      move(presets, presetValues(pose, emotion));
      const neck = bones.neck && bones.head ? NECK_SHARE : bones.neck ? 1 : 0;
      bones.neck?.turn(...head.map((angle) => angle * neck));
      bones.head?.turn(...head.map((angle) => angle * (1 - neck)));
      for (const [bone, side, sign] of eyes) {
        const [inside, outside, up, down] = ["In", "Out", "Up", "Down"].map((way) => pose[`eyeLook${way}${side}`]);
        bone.turn(sign * (ranges.outer * outside - ranges.inner * inside), ranges.down * down - ranges.up * up, 0);
      }
      renderer.render(scene, camera);
    },
    close() { renderer.dispose(); renderer.forceContextLoss(); },
  };
}
